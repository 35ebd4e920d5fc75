"""Streams: the rows that rules with the same selection and group-by share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from msgspec import Struct, field
from numpy.typing import NDArray

from credwatch.detect.select.native import text_of
from credwatch.detect.windows.keys import FieldHashes
from credwatch.detect.windows.rows import CARRIED, SOURCE, Form
from credwatch.detect.windows.values import numbers_of
from credwatch.detect.windows.views import View
from credwatch.detect.windows.windows import Caps, RunPlaces, WindowLog
from credwatch.kernel.ids import stable_id
from credwatch.kernel.ordering import among, is_sorted, stable_order

NO_KEYS = np.empty(0, np.uint64)
"""No groups."""


SOURCE_FIELD = "credwatch.source.id"
"""The field that tells which source delivered an event."""


class StreamSpec(Struct, frozen=True):
    """What decides which rows a stream has; rules with equal specs share one stream."""

    parts: tuple[tuple[str, tuple[str, ...]], ...]
    """The event rules whose matches it takes, each with its group-by fields."""
    value: str = ""
    """A field whose values are counted or summed and that rows do not carry anyway; empty for none."""
    numeric: bool = False
    """True where the values are numbers; events without one are left out."""
    empty_groups: bool = False
    """True where an absent group-by field counts as a value instead of leaving the event out."""
    sources: bool = False
    """True where rows keep which source delivered them."""

    @property
    def name(self) -> str:
        """The stream's name in the store; it changes when the spec does."""
        # Without the key that came later where it says nothing, so that streams kept the names they had.
        return stable_id("stream", repr(self).replace(", sources=False)", ")"))

    @property
    def form(self) -> Form:
        """What its rows have to keep."""
        groups = {fields for _, fields in self.parts}
        only = {("user.name",), ("source.ip",)}.intersection(groups) if len(groups) == 1 else set()
        as_key = tuple(CARRIED[name] for (name,) in only) if not self.empty_groups else ()
        return Form.of(values=bool(self.value), as_key=as_key, sources=self.sources)


class StreamBatch(Struct):
    """An events frame prepared for the streams."""

    events: pl.DataFrame
    """The events."""
    times: NDArray[np.int64]
    """Event time, microseconds UTC."""
    matches: dict[str, NDArray[np.intp]]
    """Which events each event rule matches, rising; rules that match none are left out."""
    hashes: FieldHashes
    """The hashes of the fields."""
    repeats: NDArray[np.int64] | None
    """For how many equal events each event stands; None where each stands for itself."""


class Groups(Struct, frozen=True):
    """The groups of a batch's rows, one entry each, sorted by key; times in microseconds."""

    keys: NDArray[np.uint64]
    """The groups."""
    began: NDArray[np.int64]
    """When the first row of each is."""
    ended: NDArray[np.int64]
    """When the last one is."""
    added: NDArray[np.int64]
    """How many rows each has."""
    widest: NDArray[np.int64]
    """The longest time between two rows that follow each other."""

    @classmethod
    def of(cls, view: View) -> Groups:
        """Sum up sorted rows."""
        if not len(view.keys):
            nothing = np.empty(0, np.int64)
            return cls(view.keys, nothing, nothing, nothing, nothing)
        is_first = np.append(True, view.keys[1:] != view.keys[:-1])
        first = np.flatnonzero(is_first)
        last = np.append(first[1:], len(is_first)) - 1
        gaps = np.where(is_first, 0, np.diff(view.times, prepend=0))
        widest = np.maximum.reduceat(gaps, first)
        return cls(view.keys[first], view.times[first], view.times[last], last - first + 1, widest)


_NO_GROUPS = Groups.of(View.empty())


class Stream(Struct):
    """One stream: its spec and what it keeps."""

    spec: StreamSpec
    """What it takes."""
    log: WindowLog
    """What it keeps."""
    caps: Caps = field(default_factory=Caps)
    """How much it may keep."""
    groups: Groups = _NO_GROUPS
    """The groups of the present batch."""
    new: View = field(default_factory=View.empty)
    """The rows of the present batch."""
    dropped: int = 0
    """How many rows had to go before their time in the present batch, because there were too many."""
    _places: RunPlaces | None = None

    def take(self, batch: StreamBatch) -> None:
        """Take the batch's matching rows: fills `groups` and `new`; `keep` makes them part of what is kept."""
        self.new = View.empty()
        self.groups, self._places = _NO_GROUPS, None
        rows = self._matched(batch)
        if not len(rows.event):
            return
        self.new = rows.view(batch)
        self.groups = Groups.of(self.new)

    def keep(self, *, oldest: int) -> None:
        """Keep the batch's rows, once every rule has looked at them; rows older than `oldest` may go."""
        self._places = None
        self.log.add(self.new.keys, self.new.times, self.new.columns, oldest=oldest)
        self.dropped = self.log.limit(self.caps)
        self.new = View.empty()  # it holds the whole batch

    def view(self, wanted: NDArray[np.bool_], *, since: int) -> View:
        """Return the rows of the wanted ones among the batch's groups: its own, behind those kept since a moment."""
        new = self.new if wanted.all() else self.new.at(np.flatnonzero(np.repeat(wanted, self.groups.added)))
        return View.stacked([*_old(self._kept(), wanted, since), new])

    def known(self) -> NDArray[np.int64]:
        """Count the rows of each of the batch's groups, its own and those kept."""
        return self.groups.added + self._kept().counts()

    def has_new(self, column: str) -> NDArray[np.bool_]:
        """Say for each of the batch's groups whether any of its new rows has a value in a column."""
        filled = self.new.columns.column(column) != 0
        first = np.cumsum(self.groups.added) - self.groups.added
        return np.logical_or.reduceat(filled, first) if len(first) else filled

    def of(self, keys: NDArray[np.uint64], *, since: int) -> View:
        """Return what there is of the given groups since a moment."""
        inside = self.new.at(np.flatnonzero(among(self.new.keys, keys)))
        return View.stacked([self.before(keys, since=since), inside])

    def before(self, keys: NDArray[np.uint64], *, since: int) -> View:
        """Return what was kept of the given groups since a moment, before the present batch."""
        return View.stacked(list(_old(self.log.find(keys), np.ones(len(keys), bool), since)))

    def holds(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say for each group whether there is any row of it."""
        return self.log.holds(keys) | among(keys, self.groups.keys)

    def _kept(self) -> RunPlaces:
        """Look up, once a batch, where the rows of its groups are kept."""
        if self._places is None:
            self._places = self.log.find(self.groups.keys)
        return self._places

    def _matched(self, batch: StreamBatch) -> _Matched:
        """Return the batch's rows in the order of their events."""
        parts = [self._part(batch, rule, fields) for rule, fields in self.spec.parts if rule in batch.matches]
        if not parts:
            return _NOTHING
        if len(parts) == 1:
            return parts[0].repeated(batch)
        event, keys = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
        values = [part.values for part in parts if part.values is not None]
        every = _Matched(event, keys, np.concatenate(values) if values else None)
        return every.at(np.argsort(event, kind="stable")).repeated(batch)

    def _part(self, batch: StreamBatch, rule: str, fields: tuple[str, ...]) -> _Matched:
        at = batch.matches[rule]
        group = batch.hashes.group_with_empty if self.spec.empty_groups else batch.hashes.group
        keys = group(fields, at)
        values, kept = None, keys != 0
        if self.spec.numeric:
            values, has_number = numbers_of(text_of(batch.events.get_column(self.spec.value).gather(at)))
            kept &= has_number
        elif self.spec.value:
            values = batch.hashes.of(self.spec.value)[at]
        rows = _Matched(at, keys, values)
        return rows if kept.all() else rows.at(np.flatnonzero(kept))


def _old(places: RunPlaces, wanted: NDArray[np.bool_], since: int) -> Iterator[View]:
    for layer in places.layers(wanted, oldest=since):
        count = len(layer.keys)
        yield View(layer, np.full(count, -1), np.zeros(count, bool), layer.keys, layer.times)


class _Matched(NamedTuple):
    """Events that a stream takes."""

    event: NDArray[np.intp]
    keys: NDArray[np.uint64]
    values: NDArray[np.uint64] | None
    """None where there is nothing to count or sum up."""

    def at(self, places: NDArray[Any]) -> _Matched:
        """Give some of them."""
        values = None if self.values is None else self.values[places]
        return _Matched(self.event[places], self.keys[places], values)

    def repeated(self, batch: StreamBatch) -> _Matched:
        """Count a line that stands for several equal events as that many."""
        if batch.repeats is None:
            return self
        return self.at(np.repeat(np.arange(len(self.event)), batch.repeats[self.event]))

    def view(self, batch: StreamBatch) -> View:
        """Make rows of them, sorted by (key, time), those of equal time in the order of the events."""
        event, keys, values = self.at(stable_order(self.keys))
        times = batch.times[event]
        if not is_sorted(keys, times):
            order = np.lexsort((times, keys))
            event, keys, times = event[order], keys[order], times[order]
            values = None if values is None else values[order]
        return View(_OfBatch(batch.hashes, event, values), event, np.ones(len(event), bool), keys, times)


class _OfBatch(Struct, frozen=True):
    """The columns of a batch's rows: hashes of the events' fields, looked up where they are asked for."""

    hashes: FieldHashes
    event: NDArray[np.intp]
    values: NDArray[np.uint64] | None

    def column(self, name: str, at: NDArray[np.intp] | None = None) -> NDArray[np.uint64]:
        if name != "value":
            return self.hashes.of(_FIELDS[name])[self.event if at is None else self.event[at]]
        if self.values is None:
            return np.zeros(len(self.event if at is None else at), np.uint64)
        return self.values if at is None else self.values[at]


_FIELDS = {column: name for name, column in CARRIED.items()} | {SOURCE: SOURCE_FIELD}

_NOTHING = _Matched(np.empty(0, np.intp), NO_KEYS, None)
