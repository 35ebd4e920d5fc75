"""Sigma conditions as Polars expressions over the events frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import and_, or_
from typing import assert_never

import polars as pl

from credwatch.detect.select.comparisons import NATIVE_TYPE, OF_FIELDS, column_of, held, held_by_lists, lower
from credwatch.kernel.dtypes import DTYPES
from credwatch.kernel.fields import FieldType, is_native, type_of
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test


def compiled(condition: Condition, lists: frozenset[str] = frozenset()) -> pl.Expr:
    """Compile a condition to a Boolean expression without nulls: a missing field is a plain false.

    The frame must have every column that `fields_of` names, null where the events lack it. `lists` names the fields
    whose columns are lists, besides those of native events; such a field passes a test where one of its elements does.
    """
    match condition:
        case AllOf(items):
            return _balanced(and_, [compiled(item, lists) for item in items])
        case AnyOf(items):
            return _balanced(or_, list(_any_of(items, lists)))
        case NotThis(item):
            return ~compiled(item, lists)
        case Test(field) if _holds_lists(field, lists):
            return _list_test(condition)
        case Test() if condition.operator in OF_FIELDS and _holds_lists(condition.value, lists):
            return _list_test(condition)
        case Test(field):
            return held(condition, column_of(field))
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
            return frozenset((field, str(value))) if operator in OF_FIELDS else frozenset((field,))
        case _:
            assert_never(condition)


def with_fields(events: pl.DataFrame, fields: frozenset[str]) -> pl.DataFrame:
    """Return the events with a null column for each field they lack."""
    missing = sorted(fields.difference(events.columns))
    return events.hstack([_nothing(name, events.height) for name in missing]) if missing else events


def only_fields(events: pl.DataFrame, fields: Iterable[str]) -> pl.DataFrame:
    """Return some fields of the events, null where they lack one."""
    there = frozenset(events.columns)
    height = events.height
    return pl.DataFrame([events.get_column(name) if name in there else _nothing(name, height) for name in fields])


def _nothing(field: str, count: int) -> pl.Series:
    return pl.Series(field, [None], dtype=_column_type(field)).new_from_index(0, count)


def _column_type(field: str) -> pl.DataType:
    return NATIVE_TYPE if is_native(field) else DTYPES[type_of(field)]


def _holds_lists(field: object, lists: frozenset[str]) -> bool:
    return isinstance(field, str) and (field in lists or is_native(field))


def _balanced(join: Callable[[pl.Expr, pl.Expr], pl.Expr], items: list[pl.Expr]) -> pl.Expr:
    """Join expressions as a balanced tree: a chain of thousands would be too deep for the engine's recursion."""
    while len(items) > 1:
        items = [join(*pair) if len(pair) == 2 else pair[0] for pair in _pairs(items)]
    return items[0]


def _pairs(items: list[pl.Expr]) -> list[list[pl.Expr]]:
    return [items[place : place + 2] for place in range(0, len(items), 2)]


def _any_of(items: tuple[Condition, ...], lists: frozenset[str]) -> Iterator[pl.Expr]:
    """Give alternatives; like tests of one string field become one test of all their values, which is far cheaper."""
    alike: dict[tuple[str, Operator, bool], list[str]] = {}
    for item in items:
        if isinstance(item, Test) and _may_join(item, lists):
            alike.setdefault((item.field, item.operator, item.cased), []).append(str(item.value))
        else:
            yield compiled(item, lists)
    for (field, operator, cased), values in alike.items():
        if len(values) == 1:
            yield compiled(Test(field, operator, values[0], cased), lists)
        else:
            yield _one_of(field, operator, values, cased=cased)


def _may_join(test: Test, lists: frozenset[str]) -> bool:
    if (
        _holds_lists(test.field, lists)
        or type_of(test.field) is not FieldType.STRING
        or not isinstance(test.value, str)
    ):
        return False
    return test.operator is Operator.EQUALS or (test.operator is Operator.CONTAINS and test.value != "")


def _one_of(field: str, operator: Operator, values: list[str], *, cased: bool) -> pl.Expr:
    text = column_of(field) if cased else lower(column_of(field), field)
    patterns = values if cased else [value.lower() for value in values]
    matches = text.is_in(patterns) if operator is Operator.EQUALS else text.str.contains_any(patterns)
    return matches.fill_null(False)


def _list_test(test: Test) -> pl.Expr:
    """Test the elements of a list; an empty list is present and passes nothing."""
    column = column_of(test.field)
    if test.operator in OF_FIELDS:
        return held_by_lists(test)
    if test.operator is Operator.EXISTS:
        return held(test, column)
    passed = column.list.eval(held(test, pl.element())).list.any().fill_null(False)
    return passed | column.is_null() if test.operator is Operator.NULL else passed
