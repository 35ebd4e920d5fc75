"""The shape of a `correlation:` section: pySigma, which reads it, falls over a list where a text is due."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool

from credwatch.kernel.options import Options, validated

_LONGEST = 10_000
_MOST_BRACKETS = 50


def check_correlation(section: dict[Any, Any], where: str) -> None:
    """Raise ProblemsFound with every unknown key and every value of a wrong type, each with what would be right."""
    condition = section.get("condition")
    validated({str(key): value for key, value in section.items()}, _Correlation, where=where)
    if isinstance(condition, dict):
        validated({str(key): value for key, value in condition.items()}, _Comparison, where=f"{where}.condition")


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("expected a text; put it in quotes")
    return value


def _names(value: Any) -> Any:
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("expected names; write them as [one, another], numbers in quotes")
    return value


def _condition(value: Any) -> Any:
    if not isinstance(value, str | dict):
        raise ValueError("expected a comparison or names of rules; write {gte: 10}, or one and not another")
    if len(value) > _LONGEST or str(value).count("(") > _MOST_BRACKETS:
        raise ValueError(f"expected at most {_LONGEST} characters and {_MOST_BRACKETS} brackets; say it in fewer")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a number; write gte: 10")
    return value


def _aliases(value: Any) -> Any:
    mappings = list(value.values()) if isinstance(value, dict) else [None]
    texts = [text for mapping in mappings if isinstance(mapping, dict) for pair in mapping.items() for text in pair]
    if not all(isinstance(mapping, dict) for mapping in mappings) or not all(isinstance(text, str) for text in texts):
        raise ValueError("expected rules and their fields under each alias; write who: {rule: user.name}")
    return value


_Text = Annotated[Any, BeforeValidator(_text)]
_Names = Annotated[Any, BeforeValidator(_names)]
_Number = Annotated[Any, BeforeValidator(_number)]


class _Comparison(Options):
    lt: _Number = None
    lte: _Number = None
    gt: _Number = None
    gte: _Number = None
    eq: _Number = None
    neq: _Number = None
    field: _Names = None
    percentile: _Number = None


class _Correlation(Options):
    type: _Text
    rules: _Names = None
    group_by: _Names = Field(default=None, alias="group-by")
    timespan: _Text
    condition: Annotated[Any, BeforeValidator(_condition)] = None
    aliases: Annotated[Any, BeforeValidator(_aliases)] = None
    generate: StrictBool = False
