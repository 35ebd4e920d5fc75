"""Streams: the rows that rules with the same selection and group-by share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.detect.keys import FieldHashes
from credwatch.detect.native import text_of
from credwatch.detect.values import numbers_of
from credwatch.detect.windows import CARRIED, ROW, Caps, Rows, WindowLog
from credwatch.kernel.ids import stable_id
from credwatch.kernel.ordering import stable_order

NO_KEYS = np.empty(0, np.uint64)
"""No groups."""


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What decides which rows a stream has; rules with equal specs share one stream."""

    parts: tuple[tuple[str, tuple[str, ...]], ...]
    """The event rules whose matches it takes, each with its group-by fields."""
    value: str = ""
    """A field whose values are counted or summed and that rows do not carry anyway; empty for none."""
    numeric: bool = False
    """True where the values are numbers; events without one are left out."""
    empty_groups: bool = False
    """True where an absent group-by field counts as a value instead of leaving the event out."""

    @property
    def name(self) -> str:
        """The stream's name in the store; it changes when the spec does."""
        return stable_id("stream", repr(self))


@dataclass(slots=True)
class Batch:
    """An events frame prepared for the streams."""

    events: pl.DataFrame
    """The events."""
    times: NDArray[np.int64]
    """Event time, microseconds UTC."""
    matches: dict[str, NDArray[np.intp]]
    """Which events each event rule matches, rising; rules that match none are left out."""
    late: NDArray[np.bool_]
    """Which events came later than the source's lateness allows."""
    hashes: FieldHashes
    """The hashes of the fields."""
    repeats: NDArray[np.int64] | None
    """For how many equal events each event stands; None where each stands for itself."""


@dataclass(slots=True)
class View:
    """The rows of the groups a batch touched, old and new, sorted by (key, time)."""

    rows: Rows
    """The rows."""
    event: NDArray[np.int64]
    """For each row the event's position in the batch, -1 for rows of earlier batches."""
    new: NDArray[np.bool_] = None  # type: ignore[assignment]  # set below where it is not given
    """Which rows this batch added."""
    keys: NDArray[np.uint64] = field(init=False)
    """The rows' groups, side by side for searching."""
    times: NDArray[np.int64] = field(init=False)
    """The rows' event times, side by side for searching."""

    def __post_init__(self) -> None:
        if self.new is None:
            self.new = self.event >= 0
        self.keys = np.ascontiguousarray(self.rows["key"])
        self.times = np.ascontiguousarray(self.rows["time"])

    @classmethod
    def sorted(cls, rows: Rows, event: NDArray[np.int64]) -> View:
        """Sort the rows by (key, time), those of equal time in the order given."""
        # Rows mostly come as runs sorted by key whose times follow one another: merging those is far cheaper.
        order = np.argsort(np.ascontiguousarray(rows["key"]), kind="stable")
        view = cls(rows[order], event[order])
        if np.all((view.keys[1:] != view.keys[:-1]) | (view.times[1:] >= view.times[:-1])):
            return view
        order = np.lexsort((rows["time"], rows["key"]))
        return cls(rows[order], event[order])

    @classmethod
    def empty(cls) -> View:
        """Give a view without rows."""
        return cls(np.empty(0, ROW), np.empty(0, np.int64))

    def at(self, places: NDArray[np.intp]) -> View:
        """Give the rows at rising positions."""
        if len(places) == len(self.rows):
            return self
        return View(self.rows[places], self.event[places], self.new[places])

    def span_of(self, key: np.uint64) -> slice:
        """Return where the rows of a group stand."""
        begin, end = np.searchsorted(self.keys, key, side="left"), np.searchsorted(self.keys, key, side="right")
        return slice(int(begin), int(end))

    def disordered(self, *, ties: bool) -> NDArray[np.uint64]:
        """Return the groups in which a row of the batch lies before an earlier one; with `ties`, or beside it."""
        same = self.keys[1:] == self.keys[:-1]
        found = same & self.new[:-1] & ~self.new[1:]
        if ties:
            found |= same & ~self.new[:-1] & self.new[1:] & (self.times[1:] == self.times[:-1])
        return np.unique(self.keys[1:][found])


@dataclass(slots=True)
class Stream:
    """One stream: its spec and what it keeps."""

    spec: StreamSpec
    """What it takes."""
    log: WindowLog
    """What it keeps."""
    caps: Caps = field(default_factory=Caps)
    """How much it may keep."""
    touched: NDArray[np.uint64] = field(default_factory=lambda: NO_KEYS)
    """The groups of the present batch, sorted."""
    began: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """The time of the first row that the present batch adds to each of those groups."""
    new: View = field(default_factory=View.empty)
    """The rows of the present batch."""
    late: View = field(default_factory=View.empty)
    """Its rows that came too late for windows; only where absent fields count, that is for rules over one event."""
    dropped: int = 0
    """How many rows had to go before their time in the present batch, because there were too many."""

    def take(self, batch: Batch) -> None:
        """Take the batch's matching rows: fills `touched` and `new`; `keep` makes them part of what is kept."""
        rows, event = self._new_rows(batch)
        if not len(rows):
            self.new = self.late = View.empty()
            self.touched, self.began = NO_KEYS, self.new.times
            return
        late = batch.late[event]
        self.late = View.empty()
        if late.any():
            self.late = View.sorted(rows[late], event[late]) if self.spec.empty_groups else View.empty()
            rows, event = rows[~late], event[~late]
        order = stable_order(np.ascontiguousarray(rows["key"]))
        self.new = View.sorted(rows[order], event[order])
        edges = np.flatnonzero(self.new.keys[1:] != self.new.keys[:-1])
        first = np.append(-1, edges) + 1 if len(rows) else edges
        self.touched, self.began = self.new.keys[first], self.new.times[first]

    def keep(self, *, oldest: int) -> None:
        """Keep the batch's rows, once every rule has looked at them; rows older than `oldest` may go."""
        self.log.add(self.new.rows, oldest=oldest)
        self.dropped = self.log.limit(self.caps)

    def view(self, settled: NDArray[np.bool_], *, since: int) -> View:
        """Return the batch's rows, behind those kept since a moment of each touched group that is not settled."""
        if settled.all():
            return self.new
        old = self.log.gather(self.touched[~settled], oldest=since)
        return self._joined(old, self.new.rows, self.new.event)

    def of(self, keys: NDArray[np.uint64], *, since: int) -> View:
        """Return what there is of the given groups since a moment."""
        inside = np.isin(self.new.keys, keys)
        return self._joined(self.before(keys, since=since), self.new.rows[inside], self.new.event[inside])

    def before(self, keys: NDArray[np.uint64], *, since: int) -> Rows:
        """Return what was kept of the given groups since a moment, before the present batch, unsorted."""
        return self.log.gather(keys, oldest=since)

    def holds(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say for each group whether there is any row of it."""
        return self.log.holds(keys) | np.isin(keys, self.touched)

    @staticmethod
    def _joined(old: Rows, new: Rows, event: NDArray[np.int64]) -> View:
        if not len(old):
            return View(new, event)
        return View.sorted(np.concatenate([old, new]), np.concatenate([np.full(len(old), -1), event]))

    def _new_rows(self, batch: Batch) -> tuple[Rows, NDArray[np.int64]]:
        """Return the batch's rows in the order of their events."""
        found = [self._part_rows(batch, rule, fields) for rule, fields in self.spec.parts if rule in batch.matches]
        if not found:
            return np.empty(0, ROW), np.empty(0, np.int64)
        if len(found) == 1:
            return _repeated(*found[0], batch)
        rows = np.concatenate([rows for rows, _ in found])
        event = np.concatenate([event for _, event in found])
        order = np.argsort(event, kind="stable")
        return _repeated(rows[order], event[order], batch)

    def _part_rows(self, batch: Batch, rule: str, fields: tuple[str, ...]) -> tuple[Rows, NDArray[np.int64]]:
        # A rule over one event looks at late ones too: nothing it waits for can be missing.
        at = batch.matches[rule]
        if not self.spec.empty_groups:
            at = at[~batch.late[at]]
        group = batch.hashes.group_with_empty if self.spec.empty_groups else batch.hashes.group
        keys = group(fields, at)
        values, kept = self._values(batch, at)
        kept &= keys != 0
        if not kept.all():
            at, keys, values = at[kept], keys[kept], values[kept]
        rows = np.empty(len(at), ROW)
        rows["key"], rows["time"], rows["value"] = keys, batch.times[at], values
        for name, column in CARRIED.items():
            rows[column] = batch.hashes.of(name)[at]
        return rows, at

    def _values(self, batch: Batch, at: NDArray[np.intp]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Return the value of each event, and whether the event can take part."""
        if self.spec.numeric:
            return numbers_of(text_of(batch.events.get_column(self.spec.value).gather(at)))
        values = batch.hashes.of(self.spec.value)[at] if self.spec.value else np.zeros(len(at), np.uint64)
        return values, np.ones(len(at), dtype=bool)


def _repeated(rows: Rows, event: NDArray[np.int64], batch: Batch) -> tuple[Rows, NDArray[np.int64]]:
    """Count a line that stands for several equal events as that many."""
    if batch.repeats is None:
        return rows, event
    return np.repeat(rows, batch.repeats[event]), np.repeat(event, batch.repeats[event])
