"""Episodes: what is open for a rule, group by group."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from credwatch.kernel.ordering import ordered, spread

EPISODE = np.dtype(
    [
        ("serial", "i8"),  # its number in the store
        ("key", "u8"),  # hash of what it is about: the group, and the subject where the group does not tell it
        ("group", "u8"),  # hash of the group
        ("opened", "i8"),  # time of the completing row, microseconds UTC
        ("last", "i8"),  # time of the latest row
        ("count", "i8"),  # rows counted so far
        ("user", "u8"),  # of the completing row, like the next two
        ("address", "u8"),
        ("organization", "u8"),
        ("event", "i8"),  # its position in the present batch, -1 where it came before
        ("closed", "?"),  # whether it has ended
        ("dirty", "?"),  # whether the store must hear of it
    ]
)
"""One episode of a group."""

STORED = ("serial", "key", "group", "opened", "last", "count", "user", "address", "organization", "closed")
"""The columns that the store keeps."""

Table = NDArray[np.void]
"""Rows of dtype EPISODE."""


class Episodes:
    """The episodes of one rule, at most one open for each key, sorted by (key, opened)."""

    def __init__(self) -> None:
        self.table: Table = np.empty(0, EPISODE)
        self.keys: NDArray[np.uint64] = np.empty(0, np.uint64)

    def open(self, rows: Table) -> None:
        """Add episodes."""
        if len(rows):
            table = np.concatenate([self.table, rows])
            self._take(table.take(ordered(table["key"], table["opened"])))

    def latest(self, keys: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Return the position of each key's latest episode, -1 where it has none."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.intp)
        place = np.searchsorted(self.keys, keys, side="right") - 1
        return np.where((place >= 0) & (self.keys[place] == keys), place, -1)

    def of(self, key: np.uint64) -> NDArray[np.intp]:
        """Return the positions of a key's episodes, the earliest first."""
        begin, end = np.searchsorted(self.keys, key, "left"), np.searchsorted(self.keys, key, "right")
        return np.arange(begin, end)

    def among(self, keys: NDArray[np.uint64]) -> Table:
        """Return the episodes of sorted, distinct keys."""
        return self.table.take(spread(*(np.searchsorted(self.keys, keys, side) for side in ("left", "right"))))

    def carried_on(self, keys: NDArray[np.uint64], first: NDArray[np.int64], span_us: int) -> NDArray[np.intp]:
        """Return the position of each key's open episode that a row at the time of `first` carries on, -1 for none."""
        place = self.latest(keys)
        if not len(self.keys):
            return place
        episode = self.table.take(place)
        behind = (episode["opened"] < first) & (episode["last"] <= first) & (first <= episode["last"] + span_us)
        return np.where((place >= 0) & ~episode["closed"] & behind, place, -1)

    def continued(self, keys: NDArray[np.uint64], first: NDArray[np.int64], span_us: int) -> NDArray[np.intp]:
        """Return for each chain the position of the open episode that it carries on, -1 where there is none."""
        place = self.latest(keys)
        if not len(self.keys):
            return place
        episode = self.table.take(place)
        return np.where((place >= 0) & ~episode["closed"] & (episode["last"] >= first - span_us), place, -1)

    def extend(self, places: NDArray[np.intp], last: NDArray[np.int64], added: NDArray[np.int64]) -> None:
        """Carry on the episodes at the given positions; one that is given twice is carried on by both."""
        np.maximum.at(self.table["last"], places, last)
        np.add.at(self.table["count"], places, added)
        self.table["dirty"][places] = True

    def supersede(self, keys: NDArray[np.uint64]) -> None:
        """End the episodes of the given keys behind which another one has opened."""
        begin, end = (np.searchsorted(self.keys, keys, side) for side in ("left", "right"))
        several = end - begin > 1
        places = spread(begin[several], end[several] - 1)
        self._close(places[~self.table["closed"][places]])

    def end(self, *, before: int) -> None:
        """End the episodes whose latest row is older."""
        self._close(np.flatnonzero(~self.table["closed"] & (self.table["last"] < before)))

    def end_after(self, bound: int) -> None:
        """End the episodes that opened after a moment, as if their rows lay in the far past: nothing joins them."""
        places = np.flatnonzero(self.table["opened"] > bound)
        self._close(places)
        self.table["key"][places] = 0
        self._take(self.table.take(ordered(self.table["key"], self.table["opened"])))

    def restore(self, rows: Iterable[tuple[int, ...]]) -> None:
        """Take back episodes that the store kept: the columns of EPISODE that are stored, hashes as signed numbers."""
        stored_rows = list(rows)
        table = np.zeros(len(stored_rows), EPISODE)
        for name, column in zip(STORED, zip(*stored_rows, strict=True), strict=True) if stored_rows else ():
            table[name] = np.array(column, np.int64).astype(EPISODE[name])
        table["event"] = -1
        self.open(table)

    def replace(self, places: NDArray[np.intp], rows: Table) -> None:
        """Put rows in the place of others."""
        self._take(np.delete(self.table, places))
        self.open(rows)

    def forget(self, *, ended_before: int) -> None:
        """Let go of closed episodes whose last event is older."""
        stays = ~(self.table["closed"] & (self.table["last"] < ended_before))
        if not stays.all():
            self._take(self.table.take(np.flatnonzero(stays)))

    def take_changed(self) -> Table:
        """Return the episodes that changed since the last call."""
        changed: Table = self.table.take(np.flatnonzero(self.table["dirty"]))
        self.table["dirty"], self.table["event"] = False, -1
        return changed

    def _close(self, places: NDArray[np.intp]) -> None:
        self.table["closed"][places] = True
        self.table["dirty"][places] = True

    def _take(self, table: Table) -> None:
        self.table, self.keys = table, np.ascontiguousarray(table["key"])
