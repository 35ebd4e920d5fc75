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
        """Return the openings that the rule's episodes have to take: of the groups in which they have changed."""
        view = self._openings(since=self._since - self.watch.span_us)
        is_late = view.times >= self._since
        keys = _changed(self._told, view.at(np.flatnonzero(is_late)))
        view.new = is_late
        openings = self._told.at(np.flatnonzero(among(self._told.keys, keys)))
        rewound = tuple(
            Rewound(key, self._since, openings.times[openings.span_of(key)]) for key in distinct(openings.keys)
        )
        return Feed(view.at(np.flatnonzero(among(view.keys, keys))), rewound)

    def _openings(self, *, since: int) -> View:
        """Return the openings since a moment as rows."""
        tables = [(part, part.watch.episodes.table) for part in self.parts]
        recent = [(part, table.take(np.flatnonzero(table["opened"] >= since))) for part, table in tables]
        rows = np.concatenate([_rows(part, table) for part, table in recent])
        event = np.concatenate([table["event"] for _, table in recent])
        grouped = np.flatnonzero(rows["key"])
        return View.sorted(rows.take(grouped), event.take(grouped))


def _changed(before: View, late: View) -> NDArray[np.uint64]:
    """Return the groups whose openings are not those that were told, some of which may be no more."""
    if not len(before.keys):
        return distinct(late.keys)
    rows = np.concatenate([late.rows, before.rows])
    surplus = np.repeat([1, -1], [len(late.keys), len(before.keys)])
    order = np.lexsort([rows[name] for name in (*CARRIED.values(), "time", "key")])
    rows, surplus = rows.take(order), surplus[order]
    first = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
    return distinct(rows["key"][first].compress(np.add.reduceat(surplus, first) != 0))


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
