"""The `detection:` section of a rule, or the `filter:` section of a filter, turned into a condition.

pySigma reads wildcards, log sources and correlations for us. These sections are read here, because it refuses modifiers
and names that the specification allows, changes rules in place when filters apply, and cannot say at which key it met
a mistake. A property test holds both readings against each other.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from credwatch.kernel.fields import FieldType, type_of
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test
from credwatch.rules.sigma.grammar import joined, read_expression
from credwatch.rules.sigma.modifiers import COMPARISONS, TIME_PARTS, Modifiers, read_modifiers
from credwatch.rules.sigma.patterns import literal, pattern_test, text_test
from credwatch.rules.sigma.scope import Scope
from credwatch.rules.sigma.texts import filled, read_texts

KEYWORD_FIELD = "message"
"""Keywords without a field are searched in the message."""

NATIVE_KEYWORD_FIELD = "event.original"
"""Keywords of rules on a product's own events are searched in the whole of them."""

_GREATEST = 2**63 - 1
_NUMBER = re.compile(r"[+-]?\d{1,19}(\.\d+)?", re.ASCII)
_SPAN = re.compile(r"\d+[smhdwMy]")
_FIELD_SHAPES = {
    "": Operator.FIELD,
    "contains": Operator.FIELD_CONTAINS,
    "startswith": Operator.FIELD_STARTS_WITH,
    "endswith": Operator.FIELD_ENDS_WITH,
}


def read_condition(section: Mapping[str, Any], scope: Scope) -> Condition:
    """Read the selections of a section and the condition over them.

    Keys other than `condition` are selections; several conditions are alternatives. Raises RuleError with file, line
    and key for what cannot be evaluated.
    """
    conditions = _conditions(section.get("condition"), scope.at("condition"))
    selections = {
        str(name): _selection(value, scope.at(name)) for name, value in section.items() if name != "condition"
    }
    if not selections:
        raise scope.error("there is no selection", "write a name and what it selects, such as login: {user.name: lan}")
    return joined(AnyOf, [read_expression(text, selections, scope.at("condition")) for text in conditions])


def _conditions(value: Any, scope: Scope) -> list[str]:
    conditions = value if isinstance(value, list) else [value]
    if not conditions or not all(isinstance(text, str | int) for text in conditions):
        raise scope.error("the condition is missing, or no text", "write condition: and the name of a selection")
    return [str(text) for text in conditions]


def _selection(value: Any, scope: Scope) -> Condition:
    """Read a selection: a mapping holds as a whole, a list where one of its items does; a plain value is a keyword."""
    if isinstance(value, dict) and value:
        return joined(AllOf, [_item(key, item, scope.at(key)) for key, item in value.items()])
    if isinstance(value, list) and value:
        return joined(AnyOf, [_selection(item, scope.at(place)) for place, item in enumerate(value)])
    if scope.keys[-1] == "timeframe" and isinstance(value, str) and _SPAN.fullmatch(value):
        raise scope.error("timeframe: is not Sigma any more", "write a correlation: see docs/rules.md")
    if value is None or isinstance(value, dict | list):
        raise scope.error("the selection is empty", "write fields and values, or a list of words")
    return _item("", value, scope)


def _item(key: Any, value: Any, scope: Scope) -> Condition:
    """Read one field with its modifiers and values."""
    name, *names = str(key).split("|")
    modifiers = read_modifiers(names, scope)
    if name:
        field = scope.field(name)
    else:
        field = NATIVE_KEYWORD_FIELD if scope.route.native else KEYWORD_FIELD
        modifiers = _keyword(modifiers, value, scope)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise scope.error("the list of values is empty", "write a value, or null for an absent field")
    places = [scope.at(place) for place in range(len(values))] if isinstance(value, list) else [scope]
    items = [_alternatives(field, item, modifiers, place) for item, place in zip(values, places, strict=True)]
    item = joined(AllOf if modifiers.every else AnyOf, items)
    return NotThis(item) if modifiers.negated else item


def _keyword(modifiers: Modifiers, value: Any, scope: Scope) -> Modifiers:
    """Let a word without a field stand anywhere in the message, unless its modifiers say where."""
    if modifiers.kind not in ("", "re") or modifiers.part:
        raise scope.error(f"{modifiers.kind or modifiers.part!r} needs a field", "write the field before the |")
    if value is None or (isinstance(value, list) and None in value):
        raise scope.error("null needs a field", "write the field before it")
    return replace(modifiers, shape=modifiers.shape or "contains") if modifiers.kind == "" else modifiers


def _alternatives(field: str, value: Any, modifiers: Modifiers, scope: Scope) -> Condition:
    return joined(AnyOf, list(_tests(field, value, modifiers, scope)))


def _tests(field: str, value: Any, modifiers: Modifiers, scope: Scope) -> Iterator[Condition]:
    """Give the tests that one value stands for."""
    match modifiers.kind:
        case "re":
            for body in _filled(value, literal, modifiers, scope):
                yield pattern_test(field, body, flags=modifiers.flags, shape=modifiers.shape, scope=scope)
        case "cidr":
            for text in _filled(value, str, modifiers, scope):
                yield Test(field, Operator.CIDR, _network(text, scope))
        case "exists":
            yield Test(field, Operator.EXISTS, _truth(value, scope))
        case "fieldref":
            other = scope.field(_text(value, scope))
            yield Test(field, _FIELD_SHAPES[modifiers.shape], other, modifiers.cased)
        case "" if not modifiers.part:
            yield from _value_tests(field, value, modifiers, scope)
        case _:
            yield _comparison(field, value, modifiers, scope)


def _filled(value: Any, quote: Callable[[str], str], modifiers: Modifiers, scope: Scope) -> list[str]:
    text = _text(value, scope)
    return filled(text, quote, scope) if modifiers.expand else [text]


def _value_tests(field: str, value: Any, modifiers: Modifiers, scope: Scope) -> Iterator[Condition]:
    shaped = bool(modifiers.shape or modifiers.encodings or modifiers.expand)
    if isinstance(value, bool) and not shaped:
        yield Test(field, Operator.EQUALS, value)
    elif value is None and not shaped and not modifiers.cased:
        yield Test(field, Operator.NULL, None)
    elif isinstance(value, int | float) and not shaped:
        yield Test(field, Operator.EQUALS, _number(value, scope))
    else:
        for text in read_texts(_text(value, scope), modifiers, scope):
            yield text_test(field, text, cased=modifiers.cased)


def _comparison(field: str, value: Any, modifiers: Modifiers, scope: Scope) -> Test:
    operator = COMPARISONS.get(modifiers.kind, Operator.EQUALS)
    number = _number(value, scope)
    if modifiers.part:
        if type_of(field) not in (FieldType.TIMESTAMP, FieldType.STRING):
            raise scope.error(f"{field!r} is of type {type_of(field)} and has no {modifiers.part}", "take @timestamp")
        low, high = TIME_PARTS[modifiers.part]
        if not low <= number <= high or number != int(number):
            raise scope.error(f"there is no {modifiers.part} {number}", f"write a whole number from {low} to {high}")
    elif type_of(field) not in (FieldType.INTEGER, FieldType.NUMBER, FieldType.STRING):
        hint = (
            "take the part of it that you mean, such as |hour|gte" if field == "@timestamp" else "compare it with true"
        )
        raise scope.error(f"{field!r} is of type {type_of(field)} and cannot be compared with a number", hint)
    return Test(field, operator, number, part=modifiers.part)


def _truth(value: Any, scope: Scope) -> bool:
    if not isinstance(value, bool):
        raise scope.error(f"'exists' asks for true or false, not {value!r}", "write true or false")
    return value


def _text(value: Any, scope: Scope) -> str:
    """Return a text, or the digits of a whole number."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(_number(value, scope))
    kind = {dict: "a mapping", list: "a list", bool: "true or false", type(None): "null"}.get(type(value), "a number")
    raise scope.error(f"a text is due here, not {kind}", "put it in quotes")


def _number(value: Any, scope: Scope) -> int | float:
    """Return a number that 64 bits hold, whole where it can be; numbers in quotes are numbers too."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise scope.error(f"a number is due here, not {value!r}", "write a number")
    if not -_GREATEST - 1 <= value <= _GREATEST:
        raise scope.error("the number is beyond 64 bits", f"write one between -{_GREATEST + 1} and {_GREATEST}")
    return int(value) if value == int(value) else value


def _network(text: str, scope: Scope) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise scope.error(f"{text!r} is no network", _network_hint(text)) from error


def _network_hint(text: str) -> str:
    try:
        return f"did you mean {ipaddress.ip_network(text, strict=False)}?"
    except ValueError:
        return "write it as 10.0.0.0/8 or 2001:db8::/32"
