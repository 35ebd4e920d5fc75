"""Finds the events that each rule matches, and holds a condition only against those for which it may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.detect.select.expressions import compiled, fields_of, only_fields
from credwatch.kernel.fields import FieldType, is_native, type_of
from credwatch.kernel.ordering import numbered
from credwatch.rules.model import AllOf, AnyOf, Condition, EventRule, NotThis, Operator, Test

KINDS = ("event.action", "event.category", "event.dataset", "event.outcome")
"""The fields that sort events into a few kinds; most conditions are about some kinds alone."""

Rows = NDArray[np.intp]
"""Positions in a frame, rising."""

_NAME = "user.name"
_COSTLY = frozenset({Operator.REGEX, Operator.CONTAINS})
_Kind = tuple[str | None, ...]
_MOST_KINDS = 10_000


class Selection:
    """Holds the conditions of rules against batches of events."""

    def __init__(self, rules: Iterable[EventRule]) -> None:
        self._rules = tuple(rules)
        self._conditions = tuple({rule.condition: None for rule in self._rules})
        self._needed = [needed_by(condition) for condition in self._conditions]
        kinds = frozenset(KINDS)
        weak = {str(at): weakened(condition, kinds) for at, condition in enumerate(self._conditions)}
        self._weak = [compiled(condition).alias(at) for at, condition in weak.items() if condition is not None]
        self._strict = [int(at) for at, condition in weak.items() if condition is not None]
        rests = {at: without(condition, kinds) for at, condition in enumerate(self._conditions)}
        self._rests = {
            at: compiled(condition).alias(str(at)) for at, condition in rests.items() if condition is not None
        }
        self._fields = {at: fields_of(condition) for at, condition in rests.items() if condition is not None}
        of_name = {
            at: weakened(condition, frozenset((_NAME,))) for at, condition in rests.items() if condition is not None
        }
        self._of_name = {
            at: compiled(condition).any().alias(str(at))
            for at, condition in of_name.items()
            if condition is not None and any(test.operator in _COSTLY for test in _tests(condition))
        }
        self._known: dict[_Kind, NDArray[np.bool_]] = {}

    def matches(self, events: pl.DataFrame) -> dict[str, Rows]:
        """Map the ids of the rules that match any event to the rows of those events."""
        kinds, kind_of = _kinds_in(events)
        may_hold = self._may_hold(kinds)
        filled = _filled(events, frozenset().union(*self._needed))
        open_ones = [at for at in np.flatnonzero(may_hold.any(axis=0)).tolist() if self._needed[at] <= filled]
        hopeless = self._hopeless(events, open_ones)
        by_rows: dict[bytes, list[int]] = {}
        for at in open_ones:
            if at not in hopeless:
                by_rows.setdefault(may_hold[:, at].tobytes(), []).append(at)
        rows_of: dict[Condition, Rows] = {}
        for some, numbers in by_rows.items():
            rows = np.flatnonzero(np.frombuffer(some, np.bool_)[kind_of])
            rows_of.update(self._held(events, rows, numbers))
        return {rule.id: rows_of[rule.condition] for rule in self._rules if rule.condition in rows_of}

    def _hopeless(self, events: pl.DataFrame, numbers: list[int]) -> frozenset[int]:
        """Name the costly conditions that no user name passes; names come again and again, and each is asked once."""
        places = [at for at in numbers if at in self._of_name]
        if not places:
            return frozenset()
        names = only_fields(events, (_NAME,)).get_column(_NAME).unique().to_frame()
        held = names.select_seq([self._of_name[at] for at in places])
        return frozenset(at for at, may in zip(places, held.row(0), strict=True) if not may)

    def _held(self, events: pl.DataFrame, rows: Rows, numbers: list[int]) -> Mapping[Condition, Rows]:
        """Hold conditions against the events whose kind they are about; those that match none are left out."""
        rows_of = {self._conditions[at]: rows for at in numbers if at not in self._rests}
        places = [at for at in numbers if at in self._rests]
        if places:
            fields = frozenset().union(*(self._fields[at] for at in places))
            frame = only_fields(events, fields)
            some = frame[pl.Series(rows.astype(np.uint32))] if len(rows) < len(frame) else frame
            held = some.select_seq([self._rests[at] for at in places])
            rows_of |= {
                self._conditions[int(column.name)]: rows.compress(column.to_numpy()) for column in held.iter_columns()
            }
        return {condition: matched for condition, matched in rows_of.items() if len(matched)}

    def _may_hold(self, kinds: pl.DataFrame) -> NDArray[np.bool_]:
        """Say for each kind, a row each, for which conditions, a column each, its events are to be looked at."""
        rows = kinds.rows()
        new = [at for at, kind in enumerate(rows) if kind not in self._known]
        if new:
            held = np.ones((len(new), len(self._conditions)), bool)
            held[:, self._strict] = kinds[new].select(self._weak).to_numpy().reshape(len(new), -1)
            if len(self._known) > _MOST_KINDS:
                self._known.clear()
            self._known.update((rows[at], held[place]) for place, at in enumerate(new))
        return np.array([self._known[kind] for kind in rows]).reshape(len(rows), len(self._conditions))


def weakened(condition: Condition, fields: frozenset[str]) -> Condition | None:
    """Return a condition on some fields alone that holds wherever the whole one does; None where any event may do."""
    match condition:
        case AllOf(items):
            weak_items = tuple(weak for item in items if (weak := weakened(item, fields)) is not None)
            return AllOf(weak_items) if weak_items else None
        case AnyOf(items):
            candidates = [weakened(item, fields) for item in items]
            weak_items = tuple(weak for weak in candidates if weak is not None)
            return AnyOf(weak_items) if len(weak_items) == len(candidates) else None
        case _:
            return condition if fields_of(condition) <= fields else None


def without(condition: Condition, fields: frozenset[str]) -> Condition | None:
    """Return what is to be asked of an event for which the weakened condition holds; None where that is all."""
    if fields_of(condition) <= fields:
        return None
    if not isinstance(condition, AllOf):
        return condition
    return AllOf(tuple(rest for item in condition.items if (rest := without(item, fields)) is not None))


def _tests(condition: Condition) -> Iterator[Test]:
    match condition:
        case AllOf(items) | AnyOf(items):
            for item in items:
                yield from _tests(item)
        case NotThis(item):
            yield from _tests(item)
        case Test():
            yield condition


def needed_by(condition: Condition) -> frozenset[str]:
    """Name the fields without a value of which the condition cannot hold, a Boolean one without true."""
    match condition:
        case AllOf(items):
            return frozenset[str]().union(*map(needed_by, items))
        case AnyOf(items):
            first, *others = map(needed_by, items)
            return first.intersection(*others)
        case Test(field) if not is_native(field) and _needs_value(condition):
            return frozenset((field,))
        case _:
            return frozenset()


def _needs_value(test: Test) -> bool:
    if type_of(test.field) is FieldType.BOOLEAN:
        return test.operator is Operator.EQUALS and str(test.value).lower() == "true"
    if test.operator is Operator.EXISTS:
        return bool(test.value)
    return test.operator is not Operator.NULL


def _filled(events: pl.DataFrame, fields: frozenset[str]) -> frozenset[str]:
    """Name those of the fields that have a value in any event, Boolean ones true."""
    columns = (events.get_column(name) for name in fields.intersection(events.columns))
    return frozenset(
        column.name
        for column in columns
        if (column.any() if column.dtype == pl.Boolean else column.null_count() < len(column))
    )


def _kinds_in(events: pl.DataFrame) -> tuple[pl.DataFrame, NDArray[np.intp]]:
    """Return the distinct kinds of events, a row each, and for each event which of them it is of."""
    kinds = only_fields(events, KINDS)
    example, kind_of = numbered(kinds.hash_rows(seed=0).to_numpy())
    return kinds[example], kind_of
