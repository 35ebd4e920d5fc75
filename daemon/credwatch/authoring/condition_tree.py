"""The tree of a condition held against one event: each node true or false, with the value found and the reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import polars as pl
from msgspec import Struct

from credwatch.authoring.trial import holding
from credwatch.kernel.clock import rfc3339
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test

_SIGNS = {
    Operator.EQUALS: "is",
    Operator.STARTS_WITH: "begins with",
    Operator.ENDS_WITH: "ends with",
    Operator.CONTAINS: "contains",
    Operator.REGEX: "matches",
    Operator.CIDR: "lies in",
    Operator.LESS: "<",
    Operator.LESS_EQUAL: "<=",
    Operator.GREATER: ">",
    Operator.GREATER_EQUAL: ">=",
    Operator.NOT_EQUAL: "differs from",
    Operator.FIELD: "is that of",
    Operator.FIELD_STARTS_WITH: "begins with that of",
    Operator.FIELD_ENDS_WITH: "ends with that of",
    Operator.FIELD_CONTAINS: "contains that of",
}
_OF_FIELDS = (
    Operator.FIELD,
    Operator.FIELD_STARTS_WITH,
    Operator.FIELD_ENDS_WITH,
    Operator.FIELD_CONTAINS,
)


class Node(Struct, frozen=True):
    """One node of a condition."""

    text: str
    """What is asked: all of, any of, not, or a test in words."""
    holds: bool
    """Whether it holds for the event."""
    values: str = ""
    """For a test: the value that the event has, or that it has none."""
    children: tuple[Node, ...] = ()
    """What it is made of."""

    def reasons(self) -> Iterator[str]:
        """Give the tests that keep it from holding, each with what was found."""
        if self.holds:
            return
        if not self.children:
            yield f"{self.text} – found {self.values}"
        elif self.text == "not":
            yield f"not ({_summary(self.children[0])})"
        else:
            for child in self.children:
                yield from child.reasons()

    def described(self) -> dict[str, Any]:
        """Return it as JSON values."""
        document: dict[str, Any] = {"text": self.text, "holds": self.holds}
        if self.children:
            return document | {"children": [child.described() for child in self.children]}
        return document | {"found": self.values}


def condition_tree(condition: Condition, event: pl.DataFrame) -> Node:
    """Hold a condition and each part of it against the one event of a frame, as the engine does."""
    parts = dict(_parts(condition, "0"))
    (holds,) = holding(parts, event).to_dicts()
    return _node(condition, "0", holds, event)


def _parts(condition: Condition, path: str) -> Iterator[tuple[str, Condition]]:
    yield path, condition
    for number, child in enumerate(_children(condition)):
        yield from _parts(child, f"{path}.{number}")


def _children(condition: Condition) -> tuple[Condition, ...]:
    match condition:
        case AllOf(items) | AnyOf(items):
            return items
        case NotThis(item):
            return (item,)
        case _:
            return ()


def _node(condition: Condition, path: str, holds: dict[str, bool], event: pl.DataFrame) -> Node:
    children = tuple(
        _node(child, f"{path}.{number}", holds, event) for number, child in enumerate(_children(condition))
    )
    if isinstance(condition, Test):
        return Node(_words(condition), holds[path], _found(condition, event))
    text = "all of" if isinstance(condition, AllOf) else "any of" if isinstance(condition, AnyOf) else "not"
    return Node(text, holds[path], children=children)


def _words(test: Test) -> str:
    match test.operator:
        case Operator.NULL:
            return f"{test.field} is absent"
        case Operator.EXISTS:
            return f"{test.field} is {'there' if test.value else 'absent'}"
        case _:
            cased = ", in that case" if test.cased and test.operator is not Operator.REGEX else ""
            what = f"the {test.part} of {test.field} in UTC" if test.part else test.field
            value = str(test.value) if test.operator in _OF_FIELDS else _quoted(test.value)
            return f"{what} {_SIGNS[test.operator]} {value}{cased}"


def _found(test: Test, event: pl.DataFrame) -> str:
    names = [test.field, str(test.value)] if test.operator in _OF_FIELDS else [test.field]
    parts = []
    for name in names:
        value = event[name][0] if name in event.columns else None
        parts.append(
            f"no {name}" if value is None else f"{name} = {_quoted(value)}" if len(names) > 1 else _quoted(value)
        )
    return ", ".join(parts)


def _quoted(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _summary(node: Node) -> str:
    """Say what made a node hold."""
    if not node.children:
        return f"{node.text} – found {node.values}"
    return ", ".join(_summary(child) for child in node.children if child.holds) or node.text
