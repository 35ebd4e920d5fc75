"""Sigma conditions as Polars expressions over the events frame."""

from __future__ import annotations

import ipaddress
from functools import reduce
from operator import and_, or_
from typing import assert_never

import polars as pl

from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test

TYPES: dict[FieldType, pl.DataType] = {
    FieldType.STRING: pl.String(),
    FieldType.INTEGER: pl.Int64(),
    FieldType.BOOLEAN: pl.Boolean(),
    FieldType.TIMESTAMP: pl.Datetime("us", "UTC"),
}
"""The Polars type of each field type."""

_NEVER = pl.lit(False)

_IN_SMALL_LETTERS = frozenset({"event.category", "event.type", "event.action", "event.outcome"})
"""Fields that only packs fill, from their own constants: there is no case to fold."""


def compiled(condition: Condition) -> pl.Expr:
    """Compile a condition to a Boolean expression without nulls: a missing field is a plain false.

    The frame must have every column that `fields_of` names, null where the events lack it.
    """
    match condition:
        case AllOf(items):
            return reduce(and_, map(compiled, items))
        case AnyOf(items):
            return _any_of(items)
        case NotThis(item):
            return ~compiled(item)
        case Test():
            return _test(condition)
        case _:
            assert_never(condition)


def fields_of(condition: Condition) -> frozenset[str]:
    """Name every field that a condition reads."""
    match condition:
        case AllOf(items) | AnyOf(items):
            return frozenset().union(*map(fields_of, items))
        case NotThis(item):
            return fields_of(item)
        case Test(field, operator, value):
            return frozenset((field, str(value))) if operator is Operator.FIELD else frozenset((field,))
        case _:
            assert_never(condition)


def actions_of(condition: Condition) -> frozenset[str] | None:
    """Name the actions of which an event must have one for the condition to hold; None where any may do."""
    match condition:
        case AllOf(items):
            return next((actions for item in items if (actions := actions_of(item)) is not None), None)
        case AnyOf(items):
            each = [actions_of(item) for item in items]
            known = [actions for actions in each if actions is not None]
            return frozenset().union(*known) if len(known) == len(each) else None
        case Test("event.action", Operator.EQUALS, str(value)):
            return frozenset((value.lower(),))
        case _:
            return None


def with_fields(events: pl.DataFrame, fields: frozenset[str]) -> pl.DataFrame:
    """Return the events with a null column for each field they lack."""
    missing = sorted(fields - set(events.columns))
    return events.with_columns(pl.lit(None, dtype=TYPES[BY_NAME[name].type]).alias(name) for name in missing)


def _any_of(items: tuple[Condition, ...]) -> pl.Expr:
    """Join alternatives; equal tests of one string field become one membership test, which is far cheaper."""
    same = _same_field_strings(items)
    if same is None:
        return reduce(or_, map(compiled, items))
    field, values = same
    return _lower(field).is_in(values).fill_null(False)


def _same_field_strings(items: tuple[Condition, ...]) -> tuple[str, list[str]] | None:
    fields, values = set(), []
    for item in items:
        if not (isinstance(item, Test) and item.operator is Operator.EQUALS and isinstance(item.value, str)):
            return None
        if item.cased or BY_NAME[item.field].type is not FieldType.STRING:
            return None
        fields.add(item.field)
        values.append(item.value.lower())
    return (fields.pop(), values) if len(fields) == 1 and len(values) > 1 else None


def _lower(field: str) -> pl.Expr:
    return pl.col(field) if field in _IN_SMALL_LETTERS else pl.col(field).str.to_lowercase()


def _test(test: Test) -> pl.Expr:
    column = pl.col(test.field)
    match test.operator:
        case Operator.NULL:
            return column.is_null()
        case Operator.EXISTS:
            return column.is_not_null() if test.value else column.is_null()
        case Operator.TIME_PART:
            return _time_part(test)
        case Operator.FIELD:
            other = pl.col(str(test.value)).cast(pl.String).str.to_lowercase()
            return (column.cast(pl.String).str.to_lowercase() == other).fill_null(False)
        case Operator.LESS | Operator.LESS_EQUAL | Operator.GREATER | Operator.GREATER_EQUAL | Operator.NOT_EQUAL:
            return _compare(test)
        case _:
            return _by_type(test)


def _by_type(test: Test) -> pl.Expr:
    kind = BY_NAME[test.field].type
    if kind is FieldType.STRING:
        return _string_test(test).fill_null(False)
    if kind is FieldType.INTEGER and test.operator is Operator.EQUALS:
        number = _number(test.value)
        return _NEVER if number is None else (pl.col(test.field) == number).fill_null(False)
    if kind is FieldType.BOOLEAN and test.operator is Operator.EQUALS:
        return _boolean_test(test)
    return _string_test(test, pl.col(test.field).cast(pl.String)).fill_null(False)


def _boolean_test(test: Test) -> pl.Expr:
    wanted = {"true": True, "false": False}.get(str(test.value).lower())
    if wanted is None:
        return _NEVER
    column = pl.col(test.field)
    return (column if wanted else ~column).fill_null(False)


def _string_test(test: Test, column: pl.Expr | None = None) -> pl.Expr:
    value = _text(test.value)
    base = pl.col(test.field) if column is None else column
    if test.operator is Operator.REGEX:
        return base.str.contains(value)
    if test.operator is Operator.CIDR:
        return _in_network(base, value)
    folded = base.str.to_lowercase() if column is not None else _lower(test.field)
    text, wanted = (base, value) if test.cased else (folded, value.lower())
    match test.operator:
        case Operator.STARTS_WITH:
            return text.str.starts_with(wanted)
        case Operator.ENDS_WITH:
            return text.str.ends_with(wanted)
        case Operator.CONTAINS:
            return text.str.contains(wanted, literal=True)
        case _:
            return text == wanted


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(value: object) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    try:
        return int(str(value))
    except ValueError:
        return None


def _compare(test: Test) -> pl.Expr:
    kind = BY_NAME[test.field].type
    number = _number(test.value)
    if number is None or kind in (FieldType.BOOLEAN, FieldType.TIMESTAMP):
        return _NEVER
    column = pl.col(test.field)
    if kind is FieldType.STRING:
        column = column.cast(pl.Float64, strict=False)
    compared = {
        Operator.LESS: column < number,
        Operator.LESS_EQUAL: column <= number,
        Operator.GREATER: column > number,
        Operator.GREATER_EQUAL: column >= number,
        Operator.NOT_EQUAL: column != number,
    }[test.operator]
    return compared.fill_null(False)


def _time_part(test: Test) -> pl.Expr:
    assert isinstance(test.value, tuple)
    part, number = test.value
    if BY_NAME[test.field].type is not FieldType.TIMESTAMP:
        return _NEVER
    moment = pl.col(test.field).dt
    parts = {
        "minute": moment.minute,
        "hour": moment.hour,
        "day": moment.day,
        "week": moment.week,
        "month": moment.month,
        "year": moment.year,
    }
    return (parts[part]() == number).fill_null(False)


def _in_network(column: pl.Expr, network_text: str) -> pl.Expr:
    """Test addresses against a network; the distinct addresses are parsed once each."""
    network = ipaddress.ip_network(network_text)

    def inside(addresses: pl.Series) -> pl.Series:
        unique = addresses.unique().drop_nulls()
        matching = [text for text in unique.to_list() if _lies_in(text, network)]
        return addresses.is_in(matching)

    return column.map_batches(inside, return_dtype=pl.Boolean, is_elementwise=True)


def _lies_in(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address) in network
