"""Sliding windows in columns: rows of (group, event time) kept in sorted runs, as long as a rule can need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.detect.windows.rows import ROW, Columns, Form, Rows, as_numbers
from credwatch.kernel.ordering import among, counted, spread


class Caps(Struct, frozen=True):
    """How many rows a window may hold; when there are more, the oldest go."""

    rows: int = 2_000_000
    """Of all customers together."""
    of_customer: int = 500_000
    """Of one customer; rows of no known customer count as those of one."""


_NEVER = int(np.iinfo(np.int64).max)

_SLACK = 8
"""A full window gives up this part of what it may hold, so that it is not full again at once."""


class _RowRun(Struct, frozen=True):
    """Rows sorted by key, their keys side by side for searching."""

    keys: NDArray[np.uint64]
    kept: Rows
    since: int
    until: int
    """The times of the earliest row and of the latest."""

    @classmethod
    def of(cls, keys: NDArray[np.uint64], kept: Rows) -> _RowRun:
        return cls(keys, kept, int(kept["time"].min(initial=_NEVER)), int(kept["time"].max(initial=-_NEVER)))

    def at(self, places: NDArray[np.intp]) -> _RowRun:
        """Give some of them."""
        return _RowRun.of(self.keys.take(places), self.kept.take(places))

    def younger(self, oldest: int) -> _RowRun:
        """Leave out what is older."""
        return self if self.since >= oldest else self.at(np.flatnonzero(self.kept["time"] >= oldest))

    def before(self, latest: int) -> _RowRun:
        """Leave out what is later."""
        return self if self.until <= latest else self.at(np.flatnonzero(self.kept["time"] <= latest))

    def relieved(self, oldest: int) -> _RowRun:
        """Leave out what is older where that is at least about half."""
        return self if 2 * oldest <= self.since + self.until else self.younger(oldest)


class Layer(Struct, frozen=True):
    """Some rows that are kept: their keys and times, and their other columns where they are asked for."""

    keys: NDArray[np.uint64]
    """Their groups."""
    times: NDArray[np.int64]
    """Their event times."""
    _form: Form
    _kept: Rows
    _places: NDArray[np.intp]

    def column(self, name: str, at: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """Return a column of ROW, of all rows or of those at some positions."""
        if name in (self._form.dtype.names or ()):
            return np.asarray(self._kept[name][self._places if at is None else self._places[at]])
        keys = self.keys if at is None else self.keys[at]
        return keys if name in self._form.as_key else np.zeros(len(keys), np.uint64)


class RunPlaces(Struct, frozen=True):
    """Where the rows of some sorted, distinct keys stand."""

    _form: Form
    _runs: tuple[tuple[_RowRun, NDArray[np.intp], NDArray[np.intp]], ...]
    """Runs, and where in each the rows of each key begin and end."""
    _keys: int

    def counts(self) -> NDArray[np.int64]:
        """Count the rows of each key."""
        counts = np.zeros(self._keys, np.int64)
        for _, begin, end in self._runs:
            counts += end - begin
        return counts

    def layers(self, wanted: NDArray[np.bool_], *, oldest: int) -> Iterator[Layer]:
        """Give the rows of the wanted keys run by run, none older than `oldest`, unsorted."""
        for run, begin, end in self._runs:
            if run.until < oldest:
                continue
            places = spread(begin[wanted], end[wanted])
            times = run.kept["time"][places]
            if run.since < oldest:
                young = times >= oldest
                places, times = places[young], times[young]
            if len(places):
                yield Layer(run.keys[places], times, self._form, run.kept, places)


_ALIKE = 5
"""So many runs of like size become one: fewer would cost more copying, more of them more searching."""


# The idea is that of a log-structured merge-tree (O'Neil et al., Acta Informatica 33, 1996): a batch becomes a sorted
# run of its own, and runs of like size become one. The last five are merged while the first of them is at most five
# times as long as the last:
#
#     lengths     9000  700  90  20  10        + 10   →   9000  700  90  20  10  10      700 > 5 · 10: they stay
#     lengths     9000  700  20  20  10  10    + 10   →   9000  700  70                  20 ≤ 5 · 10: five become one
#
# The cost. Of any five neighbours the first is more than five times as long as the last, so the number of runs grows
# with the logarithm of the rows, and so does the time to look a key up. A merge makes the first of its runs longer
# by a fifth at least, so a row is copied about as often as a logarithm tells, however long it is kept. Rows that
# have grown too old are left out on the way; those of runs that are not merged go where that frees about half a run.
class WindowLog:
    """The rows of one stream, found by group in time that grows with the logarithm of what is kept.

    Runs sorted by key are merged when they are of like size, so that a small batch costs little however much
    is kept. `take_new` hands out what was added since the last call: the delta that the batch's transaction stores.
    """

    def __init__(self, retention_us: int, form: Form | None = None) -> None:
        self.retention_us = retention_us
        self.latest = -_NEVER
        """The latest time of any row that was ever kept."""
        self._form = form or Form.of()
        self._runs: list[_RowRun] = []
        self._new: list[_RowRun] = []
        self._held: dict[int, int] = {}
        """At most how many rows each customer has here: those that grew too old may be counted still."""

    def __len__(self) -> int:
        return sum(len(run.keys) for run in self._runs)

    def add(self, keys: NDArray[np.uint64], times: NDArray[np.int64], columns: Columns, *, oldest: int) -> None:
        """Keep rows sorted by key; rows older than `oldest` are let go on the way."""
        if len(keys):
            run = _RowRun.of(keys, self._form.packed(times, columns))
            self._new.append(run)
            self._keep(run, oldest)

    def restore(self, data: bytes) -> None:
        """Keep rows that the store already has: bytes that `take_new` gave, or several of them joined."""
        run = _RowRun.of(*self._form.read(data))
        self._keep(run.at(np.argsort(run.keys, kind="stable")), -_NEVER)

    def _keep(self, run: _RowRun, oldest: int) -> None:
        self.latest = max(self.latest, run.until)
        self._count(run)
        self._runs.append(run)
        while len(self._runs) >= _ALIKE and len(self._runs[-_ALIKE].keys) <= _ALIKE * len(self._runs[-1].keys):
            last = [run.younger(oldest) for run in self._runs[-_ALIKE:]]
            del self._runs[-_ALIKE:]
            self._runs.append(_merged(last))

    def _count(self, run: _RowRun) -> None:
        customers, counts = counted(run.kept["organization"])
        for customer, count in zip(customers.tolist(), counts.tolist(), strict=True):
            self._held[customer] = self._held.get(customer, 0) + count

    def rows(self) -> Rows:
        """Return everything that is kept, in no order."""
        whole = [self._form.unpacked(run.keys, run.kept) for run in self._runs]
        return np.concatenate([np.empty(0, ROW), *whole])

    def find(self, keys: NDArray[np.uint64]) -> RunPlaces:
        """Look up where the rows of the given sorted, distinct keys stand; good until rows are added or let go."""
        begins = ((run, np.searchsorted(run.keys, keys, "left")) for run in self._runs)
        runs = tuple((run, begin, np.searchsorted(run.keys, keys, "right")) for run, begin in begins)
        return RunPlaces(self._form, runs, len(keys))

    def holds(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say for each key whether any row of it is kept."""
        held = np.zeros(len(keys), dtype=bool)
        for run in self._runs:
            held |= among(keys, run.keys)
        return held

    def forget(self, *, oldest: int) -> int:
        """Let go of rows older than `oldest` where that frees about half a run or more; return how many went."""
        before = len(self)
        self._runs = [run.relieved(oldest) for run in self._runs]
        self._runs = [run for run in self._runs if len(run.keys)]
        return before - len(self)

    def forget_after(self, latest: int) -> None:
        """Let go of rows later than `latest`."""
        self._runs = [run for run in (run.before(latest) for run in self._runs) if len(run.keys)]
        self.latest = max((run.until for run in self._runs), default=-_NEVER)

    def limit(self, caps: Caps) -> int:
        """Let the oldest rows go where a customer has too many, or all have; return how many went."""
        if sum(self._held.values()) <= caps.rows and max(self._held.values(), default=0) <= caps.of_customer:
            return 0
        whole = _merged(self._runs)
        crowded = _excess(whole.kept, caps)
        self._runs, self._held = [whole.at(np.flatnonzero(~crowded)) if crowded.any() else whole], {}
        self._count(self._runs[0])
        return int(np.count_nonzero(crowded))

    def take_new(self) -> tuple[int, bytes] | None:
        """Return the latest time of the rows added since the last call, and the rows for the store."""
        new, self._new = self._new, []
        if not new:
            return None
        return max(run.until for run in new), b"".join(self._form.stored(run.keys, run.kept) for run in new)


def _merged(runs: list[_RowRun]) -> _RowRun:
    """Merge runs, rows of equal key in their order; empties the list, letting go of each run once it is copied."""
    keys = np.concatenate([run.keys for run in runs])
    order = np.argsort(keys, kind="stable")
    place = np.empty(len(order), np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    keys = keys[order]
    del order  # runs can be large, and this is as long
    kept, begin = np.empty(len(keys), runs[0].kept.dtype), 0
    numbers = as_numbers(kept)
    while runs:
        run = runs.pop(0)
        numbers[place[begin : begin + len(run.keys)]] = as_numbers(run.kept)
        begin += len(run.keys)
    return _RowRun.of(keys, kept)


def _excess(rows: Rows, caps: Caps) -> NDArray[np.bool_]:
    """Say which rows are too many: the oldest of each customer that has too many, then the oldest of all."""
    gone = np.zeros(len(rows), dtype=bool)
    _, owner, counts = np.unique(rows["organization"], return_inverse=True, return_counts=True)
    for at in np.flatnonzero(counts > caps.of_customer):
        mine = np.flatnonzero(owner == at)
        gone[mine[_oldest(rows["time"][mine], caps.of_customer)]] = True
    left = np.flatnonzero(~gone)
    if len(left) > caps.rows:
        gone[left[_oldest(rows["time"][left], caps.rows)]] = True
    return gone


def _oldest(times: NDArray[np.int64], most: int) -> NDArray[np.intp]:
    """Number the oldest rows, so many that the rest fits with some room."""
    surplus = len(times) - (most - most // _SLACK)
    return np.argsort(times, kind="stable")[:surplus]
