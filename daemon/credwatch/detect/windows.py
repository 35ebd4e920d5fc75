"""Sliding windows in columns: rows of (group, event time) kept in sorted runs, as long as a rule can need them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CARRIED = {"user.name": "user", "source.ip": "address", "organization.id": "organization"}
"""The fields that every row carries, and the columns they are in."""

ROW = np.dtype(
    [
        ("key", "u8"),  # hash of the group
        ("time", "i8"),  # event time, microseconds since the epoch, UTC
        ("value", "u8"),  # what is counted or summed: a hash, or the bits of a number (see `values`)
        ("user", "u8"),  # hash of user.name, 0 where absent
        ("address", "u8"),  # hash of source.ip, 0 where absent
        ("organization", "u8"),  # hash of organization.id, 0 where absent
    ]
)
"""One row of a window; also its form on disk."""

Rows = NDArray[np.void]
"""Rows of dtype ROW."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How many rows a window may hold; when there are more, the oldest go."""

    rows: int = 2_000_000
    """Of all customers together."""
    of_customer: int = 500_000
    """Of one customer; rows of no known customer count as those of one."""


_SLACK = 8
"""A full window gives up this part of what it may hold, so that it is not full again at once."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Rows sorted by key, with their keys side by side for searching."""

    rows: Rows
    keys: NDArray[np.uint64]

    @classmethod
    def of(cls, rows: Rows) -> _Run:
        return cls(rows, np.ascontiguousarray(rows["key"]))


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rows of some sorted, distinct keys stand."""

    _runs: tuple[tuple[Rows, NDArray[np.intp], NDArray[np.intp]], ...]
    """Runs, and where in each the rows of each key begin and end."""
    _keys: int

    def counts(self) -> NDArray[np.int64]:
        """Count the rows of each key."""
        found = np.zeros(self._keys, np.int64)
        for _, begin, end in self._runs:
            found += end - begin
        return found

    def rows(self, wanted: NDArray[np.bool_], *, oldest: int) -> Rows:
        """Return the rows of the wanted keys, none older than `oldest`, unsorted."""
        found = [run[_spread(begin[wanted], end[wanted])] for run, begin, end in self._runs]
        return _younger(np.concatenate(found), oldest) if found else np.empty(0, ROW)


_ALIKE = 4
"""So many runs of like size become one: fewer would cost more copying, more of them more searching."""


class WindowLog:
    """The rows of one stream, found by group in time that grows with the logarithm of what is kept.

    Runs sorted by key are merged when they are of like size, so that a small batch costs little however much
    is kept. `take_new` hands out what was added since the last call: the delta that the batch's transaction stores.
    """

    def __init__(self, retention_us: int) -> None:
        self.retention_us = retention_us
        self.latest = int(np.iinfo(np.int64).min)
        """The latest time of any row that was ever kept."""
        self._runs: list[_Run] = []
        self._new: list[Rows] = []

    def __len__(self) -> int:
        return sum(len(run.rows) for run in self._runs)

    def add(self, rows: Rows, *, oldest: int) -> None:
        """Keep rows sorted by key; rows older than `oldest` are let go on the way."""
        if len(rows):
            self._new.append(rows)
            self.restore(rows, oldest=oldest)

    def restore(self, rows: Rows, *, oldest: int) -> None:
        """Keep rows that the store already has."""
        self.latest = max(self.latest, int(rows["time"].max(initial=self.latest)))
        self._runs.append(_Run.of(rows))
        while len(self._runs) >= _ALIKE and len(self._runs[-_ALIKE].rows) <= _ALIKE * len(self._runs[-1].rows):
            self._runs.append(_Run.of(_by_key(_younger(self._joined_last(_ALIKE), oldest))))

    def _joined_last(self, runs: int) -> Rows:
        """Take the last runs out, and let go of them, for the largest are large."""
        last = [run.rows for run in self._runs[-runs:]]
        del self._runs[-runs:]
        return np.concatenate(last)

    def rows(self) -> Rows:
        """Return everything that is kept, in no order."""
        return np.concatenate([np.empty(0, ROW), *(run.rows for run in self._runs)])

    def gather(self, keys: NDArray[np.uint64], *, oldest: int) -> Rows:
        """Return the kept rows of the given sorted, distinct keys, none older than `oldest`, unsorted."""
        return self.find(keys).rows(np.ones(len(keys), bool), oldest=oldest)

    def find(self, keys: NDArray[np.uint64]) -> Places:
        """Look up where the rows of the given sorted, distinct keys stand; good until rows are added or let go."""
        both = ((run, np.searchsorted(run.keys, keys, "left")) for run in self._runs)
        return Places(
            tuple((run.rows, begin, np.searchsorted(run.keys, keys, "right")) for run, begin in both), len(keys)
        )

    def holds(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say for each key whether any row of it is kept."""
        held = np.zeros(len(keys), dtype=bool)
        for run in self._runs:
            place = np.searchsorted(run.keys, keys)
            inside = place < len(run.keys)
            held[inside] |= run.keys[place[inside]] == keys[inside]
        return held

    def forget(self, *, oldest: int) -> int:
        """Let go of rows older than `oldest` where that frees at least half a run; return how many went."""
        before = len(self)
        self._runs = [_pruned(run, oldest) for run in self._runs]
        self._runs = [run for run in self._runs if len(run.rows)]
        return before - len(self)

    def limit(self, caps: Caps) -> int:
        """Let the oldest rows go where a customer has too many, or all have; return how many went."""
        if len(self) <= caps.of_customer:
            return 0
        rows = self.rows()
        crowded = _excess(rows, caps)
        if not crowded.any():
            return 0
        self._runs = [_Run.of(_by_key(rows[~crowded]))]
        return int(np.count_nonzero(crowded))

    def take_new(self) -> Rows:
        """Return the rows added since the last call."""
        new, self._new = self._new, []
        return np.concatenate(new) if new else np.empty(0, ROW)


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


def _by_key(rows: Rows) -> Rows:
    """Return the rows by key, those of equal key in the order given; two sorted runs are merged, not sorted."""
    return rows[np.argsort(rows["key"], kind="stable")]


def _spread(begin: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return every position from each beginning up to its end."""
    counts = end - begin
    behind = np.cumsum(counts)
    return np.asarray(np.arange(counts.sum()) + np.repeat(begin - behind + counts, counts), dtype=np.intp)


def _younger(rows: Rows, oldest: int) -> Rows:
    young = rows["time"] >= oldest
    return rows if young.all() else rows[young]


def _pruned(run: _Run, oldest: int) -> _Run:
    young = run.rows["time"] >= oldest
    return _Run.of(run.rows[young]) if 2 * np.count_nonzero(young) <= len(run.rows) else run
