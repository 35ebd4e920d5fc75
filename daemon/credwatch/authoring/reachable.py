"""Conditions that can never hold: contradictions between the tests that must hold together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import assert_never

from msgspec import Struct

from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.rules.model import (
    AllOf,
    AnyOf,
    Condition,
    Correlation,
    NotThis,
    Operator,
    PartCondition,
    PartsAll,
    PartsAny,
    PartsNot,
    PartThere,
    Rule,
    RuleSet,
    Test,
)

_MOST_WAYS = 2000
_ABSENT = (Operator.NULL,)
_TEXTUAL = (Operator.EQUALS, Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.CONTAINS)
_Way = tuple[tuple[Test, bool], ...]
"""Tests that hold (True) or fail (False) together."""


class Unreachable(Struct, frozen=True):
    """Why a rule can never match."""

    message: str
    """The contradiction."""
    hint: str
    """What to do about it."""


def why_unreachable(rule: Rule, rules: RuleSet) -> Unreachable | None:
    """Say why a rule can never match; None where it can, or where it cannot be told.

    What is told is certain; a condition whose parts allow very many ways is left alone.
    """
    if isinstance(rule, Correlation):
        return _through_parts(rule, rules)
    reason = _contradiction(rule.condition)
    return Unreachable(reason, "mend the condition: these must hold together") if reason else None


def required_parts(rule: Correlation) -> frozenset[int]:
    """Return the places of the parts without which a temporal correlation cannot complete."""
    return frozenset(range(len(rule.parts))) if rule.condition is None else _always(rule.condition)


def _always(condition: PartCondition) -> frozenset[int]:
    match condition:
        case PartThere(part):
            return frozenset((part,))
        case PartsAll(items):
            return frozenset().union(*map(_always, items))
        case PartsAny() | PartsNot():
            return frozenset()
        case _:
            assert_never(condition)


def _through_parts(rule: Correlation, rules: RuleSet) -> Unreachable | None:
    by_id = rules.by_id()
    dead = [at for at, part in enumerate(rule.parts) if why_unreachable(by_id[part.rule], rules) is not None]
    needed = required_parts(rule) if rule.type.in_time else frozenset()
    missing = [at for at in dead if at in needed] or (dead if len(dead) == len(rule.parts) else [])
    if not missing or (rule.type.in_time and not needed):
        return None
    name = by_id[rule.parts[missing[0]].rule].name
    return Unreachable(f"it needs {name!r}, which can never match", "mend that rule first")


def _contradiction(condition: Condition) -> str:
    """Give the contradiction of a condition all of whose ways have one, an empty text otherwise."""
    first = ""
    for number, way in enumerate(_ways(condition, True)):
        reason = _clash(way)
        if not reason or number >= _MOST_WAYS:
            return ""
        first = first or reason
    return first


def _ways(condition: Condition, holds: bool) -> Iterator[_Way]:
    """Give every combination of tests that would make the condition hold, or fail."""
    match condition:
        case Test():
            yield ((condition, holds),)
        case NotThis(item):
            yield from _ways(item, not holds)
        case AllOf(items) | AnyOf(items):
            if isinstance(condition, AllOf) is holds:
                yield from _together(items, holds)
            else:
                for item in items:
                    yield from _ways(item, holds)
        case _:
            assert_never(condition)


def _together(items: Sequence[Condition], holds: bool) -> Iterator[_Way]:
    if not items:
        yield ()
        return
    for first in _ways(items[0], holds):
        for rest in _together(items[1:], holds):
            yield first + rest


def _clash(way: _Way) -> str:
    """Find two tests of a way that exclude each other."""
    for one, other in combinations(way, 2):
        # A native field may hold a list, of which one value passes each test.
        if one[0].field == other[0].field and one[0].field in BY_NAME and _exclude(one, other):
            return f"{_told(*one)} and {_told(*other)}"
    return next((_told(test, True) for test, holds in way if holds and _never(test)), "")


def _exclude(one: tuple[Test, bool], other: tuple[Test, bool]) -> bool:
    (left, left_holds), (right, right_holds) = one, other
    if left_holds and right_holds:
        return _both_excluded(left, right) or _both_excluded(right, left)
    if left_holds != right_holds:
        held, failed = (left, right) if left_holds else (right, left)
        return held == failed or (_needs_value(held) and failed == Test(failed.field, Operator.EXISTS, True))
    return False


def _both_excluded(left: Test, right: Test) -> bool:
    if _is_absent(left) and _needs_value(right):
        return True
    if left.part != right.part:
        return False
    if left.operator is not Operator.EQUALS or isinstance(left.value, bool) != isinstance(right.value, bool):
        return False
    if right.operator in _TEXTUAL:
        return not _fits(left, right)
    return _out_of_range(left, right)


def _is_absent(test: Test) -> bool:
    return test.operator in _ABSENT or (test.operator is Operator.EXISTS and test.value is False)


def _needs_value(test: Test) -> bool:
    return test.operator is not Operator.NULL and not (test.operator is Operator.EXISTS and test.value is False)


def _fits(left: Test, right: Test) -> bool:
    """Say whether a whole value passes another test, as leniently as either of them compares."""
    value, other = str(left.value), str(right.value)
    if not (left.cased and right.cased):
        value, other = value.lower(), other.lower()
    match right.operator:
        case Operator.STARTS_WITH:
            return value.startswith(other)
        case Operator.ENDS_WITH:
            return value.endswith(other)
        case Operator.CONTAINS:
            return other in value
        case _:
            return value == other or _same_number(value, other)


def _same_number(value: str, other: str) -> bool:
    try:
        return float(value) == float(other)
    except ValueError:
        return False


def _out_of_range(left: Test, right: Test) -> bool:
    if not isinstance(left.value, int | float) or not isinstance(right.value, int | float):
        return False
    inside = {
        Operator.LESS: left.value < right.value,
        Operator.LESS_EQUAL: left.value <= right.value,
        Operator.GREATER: left.value > right.value,
        Operator.GREATER_EQUAL: left.value >= right.value,
        Operator.NOT_EQUAL: left.value != right.value,
    }
    return not inside.get(right.operator, True)


def _never(test: Test) -> bool:
    """Say whether a test fails for every event, because its value is none that its field can have."""
    field = BY_NAME.get(test.field)
    if field is None or test.operator is not Operator.EQUALS or test.part:
        return False
    if field.type is FieldType.BOOLEAN:
        return str(test.value).lower() not in ("true", "false")
    return (
        field.type in (FieldType.INTEGER, FieldType.NUMBER)
        and not str(test.value).lstrip("-").replace(".", "", 1).isdigit()
    )


def _told(test: Test, holds: bool) -> str:
    sign = "" if holds else "not "
    if test.operator in (Operator.NULL, Operator.EXISTS):
        return f"{sign}{test.field} is {'absent' if _is_absent(test) else 'there'}"
    what = f"the {test.part} of {test.field}" if test.part else test.field
    return f"{sign}{what} {test.operator} {test.value!r}"
