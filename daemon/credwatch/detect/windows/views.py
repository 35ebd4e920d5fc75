"""Rows of some groups, sorted: groups and times are at hand, other columns are read only where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.detect.windows.rows import ROW, Columns, Rows
from credwatch.kernel.ordering import distinct, ordered

_FEW = 4
"""Where more than one row in four is asked for, the whole column is copied; fewer rows are fetched one by one."""


class View(Struct):
    """Rows of some groups, old and new, sorted by (key, time)."""

    columns: Columns
    """The columns of the rows."""
    event: NDArray[np.int64]
    """For each row the event's position in the batch, -1 for rows of earlier batches."""
    new: NDArray[np.bool_]
    """Which rows this batch added."""
    keys: NDArray[np.uint64]
    """The rows' groups."""
    times: NDArray[np.int64]
    """The rows' event times."""

    @classmethod
    def of(cls, rows: Rows, event: NDArray[np.int64]) -> View:
        """Take rows that are sorted."""
        keys, times = np.ascontiguousarray(rows["key"]), np.ascontiguousarray(rows["time"])
        return cls(_Whole(rows), event, event >= 0, keys, times)

    @classmethod
    def sorted(cls, rows: Rows, event: NDArray[np.int64]) -> View:
        """Sort rows by (key, time), those of equal time in the order given."""
        return cls.of(rows, event)._put_in_order()

    @classmethod
    def empty(cls) -> View:
        """Give a view without rows."""
        return cls.of(np.empty(0, ROW), np.empty(0, np.int64))

    @classmethod
    def stacked(cls, views: Sequence[View]) -> View:
        """Put views together, rows of equal (key, time) in the order given."""
        filled = [view for view in views if len(view.keys)] or [cls.empty()]
        if len(filled) == 1:
            return filled[0]._put_in_order()
        parts = ((view.event, view.new, view.keys, view.times) for view in filled)
        whole = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        ends = np.cumsum([len(view.keys) for view in filled])
        return cls(_Stacked(tuple(view.columns for view in filled), ends), *whole)._put_in_order()

    @property
    def rows(self) -> Rows:
        """The rows themselves."""
        if isinstance(self.columns, _Whole):
            return self.columns.rows
        rows = np.empty(len(self.keys), ROW)
        rows["key"], rows["time"] = self.keys, self.times
        for name in ("value", "user", "address", "organization"):
            rows[name] = self.columns.column(name)
        return rows

    def at(self, places: NDArray[np.intp]) -> View:
        """Give the rows at some positions."""
        if len(places) == len(self.keys) and _rises(places):
            return self
        columns = self.columns
        part = _Some(columns.source, columns.places[places]) if isinstance(columns, _Some) else _Some(columns, places)
        return View(part, self.event[places], self.new[places], self.keys[places], self.times[places])

    def span_of(self, key: np.uint64) -> slice:
        """Return where the rows of a group stand."""
        begin, end = np.searchsorted(self.keys, key, side="left"), np.searchsorted(self.keys, key, side="right")
        return slice(int(begin), int(end))

    def disordered(self, *, ties: bool) -> NDArray[np.uint64]:
        """Return the groups in which a row of the batch lies before an earlier one; with `ties`, or beside it."""
        same = self.keys[1:] == self.keys[:-1]
        is_behind = same & self.new[:-1] & ~self.new[1:]
        if ties:
            is_behind |= same & ~self.new[:-1] & self.new[1:] & (self.times[1:] == self.times[:-1])
        return distinct(self.keys[1:][is_behind])

    def _put_in_order(self) -> View:
        return self.at(ordered(self.keys, self.times))


class _Whole(Struct, frozen=True):
    rows: Rows

    def column(self, name: str, at: NDArray[np.intp] | None = None) -> NDArray[Any]:
        return np.ascontiguousarray(self.rows[name] if at is None else self.rows[name][at])


class _Some(Struct, frozen=True):
    source: Columns
    places: NDArray[np.intp]

    def column(self, name: str, at: NDArray[np.intp] | None = None) -> NDArray[Any]:
        return self.source.column(name, self.places if at is None else self.places[at])


class _Stacked(Struct, frozen=True):
    sources: tuple[Columns, ...]
    ends: NDArray[np.intp]
    """Where the rows of each end."""

    def column(self, name: str, at: NDArray[np.intp] | None = None) -> NDArray[Any]:
        if at is None or _FEW * len(at) > self.ends[-1]:
            whole = np.concatenate([source.column(name) for source in self.sources])
            return whole if at is None else np.asarray(whole[at])
        few = np.empty(len(at), np.uint64)  # as every column but `time`, which is at hand
        source_of = np.searchsorted(self.ends, at, side="right")
        for number, source in enumerate(self.sources):
            mine = np.flatnonzero(source_of == number)
            if len(mine):
                begin = self.ends[number - 1] if number else 0
                few[mine] = source.column(name, at[mine] - begin)
        return few


def _rises(places: NDArray[np.intp]) -> bool:
    return bool(np.all(places[1:] > places[:-1]))
