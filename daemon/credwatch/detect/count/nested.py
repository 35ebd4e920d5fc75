"""Counts of correlations: each opening of an episode is one row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from credwatch.detect.episodes.advance import Feed, Rewound, Watch
from credwatch.detect.episodes.episodes import Table
from credwatch.detect.windows.keys import mixed
from credwatch.detect.windows.latest import NEVER
from credwatch.detect.windows.rows import CARRIED, ROW
from credwatch.detect.windows.views import View
from credwatch.kernel.ordering import among, distinct


class Counted(Struct, frozen=True, eq=False):
    """A correlation whose openings are counted."""

    watch: Watch
    """The correlation."""
    began: Callable[[], NDArray[np.int64]]
    """Tells the moments from which the batch may have changed its episodes."""
    columns: tuple[str, ...]
    """The columns of its episodes whose hashes make the group; empty where its own group is meant."""


class NestedWatch(Struct, eq=False):
    """A count of correlations at work."""

    watch: Watch
    """Its episodes."""
    parts: tuple[Counted, ...]
    """What it counts."""
    _since: int = NEVER
    _told: View = field(default_factory=View.empty)

    def look_back(self, _earliest: int) -> None:
        """Note, before any rule goes on, the openings that rows of the batch may yet change."""
        began = [part.began() for part in self.parts]
        self._since = min((int(moments.min()) for moments in began if len(moments)), default=NEVER)
        self._told = self._openings(since=self._since)

    def feed(self) -> Feed:
        """Return the openings that the rule's episodes have to take."""
        view = self._openings(since=self._since - self.watch.span_us)
        late = view.times >= self._since
        # Openings that were told before are corrected only where they have changed.
        view.new = late & (view.event >= 0) if not len(self._told.keys) else late & self._differs(view)
        keys = distinct(view.keys[view.new])
        part = view.at(np.flatnonzero(among(view.keys, keys)))
        again = np.intersect1d(keys, self._told.keys)
        told = (self._told.times[self._told.span_of(key)] for key in again)
        rewound = tuple(Rewound(key, self._since, times) for key, times in zip(again, told, strict=True))
        return Feed(part, rewound)

    def _differs(self, view: View) -> NDArray[np.bool_]:
        """Say which rows belong to a group whose openings are not those that were told."""
        differing = []
        for key in distinct(view.keys[view.times >= self._since]):
            times = view.times[view.span_of(key)]
            if not np.array_equal(times[times >= self._since], self._told.times[self._told.span_of(key)]):
                differing.append(key)
        return np.isin(view.keys, np.array(differing, np.uint64))

    def _openings(self, *, since: int) -> View:
        """Return the openings since a moment as rows."""
        tables = [(part, part.watch.episodes.table) for part in self.parts]
        recent = [(part, table.take(np.flatnonzero(table["opened"] >= since))) for part, table in tables]
        rows = np.concatenate([_rows(part, table) for part, table in recent])
        event = np.concatenate([table["event"] for _, table in recent])
        grouped = np.flatnonzero(rows["key"])
        return View.sorted(rows.take(grouped), event.take(grouped))


def _rows(part: Counted, table: Table) -> NDArray[np.void]:
    rows = np.zeros(len(table), ROW)
    rows["key"], rows["time"] = _group(part, table), table["opened"]
    for name in CARRIED.values():
        rows[name] = table[name]
    return rows


def _group(part: Counted, table: Table) -> NDArray[np.uint64]:
    if not part.columns:
        return np.asarray(table["group"])
    key, whole = table[part.columns[0]].copy(), np.ones(len(table), dtype=bool)
    for name in part.columns[1:]:
        key = mixed(key, table[name])
    for name in part.columns:
        whole &= table[name] != 0
    return np.where(whole, key, np.uint64(0))
