"""Episodes: what is open for a rule, group by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EPISODE = np.dtype(
    [
        ("key", "u8"),  # hash of the group
        ("opened", "i8"),  # time of the completing row, microseconds UTC
        ("sequence", "i8"),  # order of arrival of the completing row
        ("last", "i8"),  # time of the latest row
        ("count", "i8"),  # rows counted so far
        ("closed", "?"),  # whether it has ended
    ]
)
"""One episode of a group."""


@dataclass(frozen=True, slots=True)
class Chains:
    """What a batch knows of each chain of a group's events."""

    keys: NDArray[np.uint64]
    """The group."""
    first: NDArray[np.int64]
    """The time of the first event at hand."""
    last: NDArray[np.int64]
    """The time of the last event."""
    added: NDArray[np.int64]
    """How many of its events are new in this batch."""


class Episodes:
    """The episodes of one rule, at most one open for each group, sorted by (group, opened)."""

    def __init__(self) -> None:
        self.table = np.empty(0, EPISODE)
        self.ids = np.empty(0, object)

    def open(self, rows: NDArray[np.void], ids: list[str]) -> None:
        """Add episodes of dtype EPISODE with the ids of their detections."""
        table = np.concatenate([self.table, rows])
        all_ids = np.concatenate([self.ids, np.array(ids, dtype=object)])
        order = np.lexsort((table["opened"], table["key"]))
        self.table, self.ids = table[order], all_ids[order]

    def latest(self, keys: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Return the position of each group's latest episode, -1 where it has none."""
        if not len(self.table):
            return np.full(len(keys), -1, dtype=np.intp)
        place = np.searchsorted(self.table["key"], keys, side="right") - 1
        return np.where((place >= 0) & (self.table["key"][place] == keys), place, -1)

    def carried_on(self, keys: NDArray[np.uint64], first: NDArray[np.int64], span_us: int) -> NDArray[np.bool_]:
        """Say for each group whether its open episode is carried on by an event at the time of `first`."""
        place = self.latest(keys)
        if not len(self.table):
            return np.zeros(len(keys), dtype=bool)
        episode = self.table[place]
        within = (episode["opened"] <= first) & (first <= episode["last"] + span_us)
        return np.asarray((place >= 0) & ~episode["closed"] & within)

    def opened_before(self, episode: np.void) -> int | None:
        """Return when the group's latest episode that opened before another one did so; None where it has none."""
        begin, end = np.searchsorted(self.table["key"], [episode["key"], episode["key"] + np.uint64(1)])
        mine = self.table[begin:end]
        ahead = (mine["opened"] < episode["opened"]) | (
            (mine["opened"] == episode["opened"]) & (mine["sequence"] < episode["sequence"])
        )
        return int(mine["opened"][ahead][-1]) if ahead.any() else None

    def continued(self, chains: Chains, span_us: int) -> NDArray[np.intp]:
        """Return for each chain the position of the open episode that it carries on, -1 where there is none."""
        place = self.latest(chains.keys)
        if not len(self.table):
            return place
        episode = self.table[place]
        # A late row may lie before the episode and still within the span of its first.
        joined = (episode["last"] >= chains.first - span_us) & (episode["opened"] - span_us <= chains.last)
        joined &= ~episode["closed"]
        return np.where((place >= 0) & joined, place, -1)

    def extend(self, places: NDArray[np.intp], last: NDArray[np.int64], added: NDArray[np.int64]) -> None:
        """Carry on the episodes at the given distinct positions."""
        self.table["last"][places] = np.maximum(self.table["last"][places], last)
        self.table["count"][places] += added

    def close(self, places: NDArray[np.intp]) -> None:
        """Mark the episodes at the given positions as ended."""
        self.table["closed"][places] = True

    def forget(self, *, ended_before: int) -> None:
        """Let go of closed episodes whose last event is older."""
        kept = ~(self.table["closed"] & (self.table["last"] < ended_before))
        if not kept.all():
            self.table, self.ids = self.table[kept], self.ids[kept]
