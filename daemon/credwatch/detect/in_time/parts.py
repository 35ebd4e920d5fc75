"""The parts of a correlation in time: what has matched, group by group, before a batch and with it."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.detect.count.sliding import Flags
from credwatch.detect.episodes.advance import Watch
from credwatch.detect.episodes.episodes import Table
from credwatch.detect.windows.latest import NEVER, Keys, Latest
from credwatch.detect.windows.rows import ROW, Rows
from credwatch.detect.windows.streams import Stream
from credwatch.detect.windows.views import View
from credwatch.kernel.ordering import among, distinct

STANDS_IN = -2
"""In place of the event of a row that stands for others: it tells what lasts, and completes nothing."""


class _OfStream(Struct, frozen=True, eq=False):
    """A part whose rows are those of a stream."""

    stream: Stream
    """The stream."""

    @property
    def latest(self) -> int:
        """Tell the time of the latest row before the batch."""
        return self.stream.log.latest

    def touched(self) -> Keys:
        """Return the groups that the batch added to, sorted."""
        return self.stream.groups.keys

    def began(self, keys: Keys) -> NDArray[np.int64]:
        """Return the time of the first row that the batch added to each group; far in the future for none."""
        began = np.full(len(keys), NEVER)
        groups = self.stream.groups
        there = among(keys, groups.keys)
        began[there] = groups.began[np.searchsorted(groups.keys, keys[there])]
        return began

    def kept(self, keys: Keys, *, since: int) -> View:
        """Return what was there of the groups before the batch."""
        return self.stream.before(keys, since=since)

    def fresh(self) -> Rows:
        """Return the rows of the batch."""
        return self.stream.new.rows

    def candidates(self) -> Rows:
        """Return all rows that are kept from before the batch."""
        return self.stream.log.rows()


class Plain(_OfStream, frozen=True, eq=False):
    """A part that is an event rule: its matches."""

    def has_rows(self, keys: Keys) -> Flags:
        """Say which groups have any row at hand."""
        return self.stream.holds(keys)

    def holds(self, keys: Keys) -> Flags:
        """Say which groups have any match at hand."""
        return self.has_rows(keys)

    def view(self, keys: Keys, *, since: int, before: bool = False) -> View:
        """Return the matches of the groups; `before` leaves out those of the batch."""
        return self.kept(keys, since=since) if before else self.stream.of(keys, since=since)

    def arrived(self, keys: Keys, *, since: int) -> View:
        """Return the matches of the groups, of which each says when it arrived."""
        return self.stream.of(keys, since=since)

    def confirmed(self, view: View) -> View:
        """Return the same rows: a match stays one."""
        return view


class Lasting(_OfStream, frozen=True, eq=False):
    """A part that is itself a count: its rows from the opening of an episode to its end."""

    watch: Watch
    """The correlation."""

    def has_rows(self, keys: Keys) -> Flags:
        """Say which groups have any row at hand, within an episode or not, or an episode whose rows have gone."""
        return self.stream.holds(keys) | self.holds(keys)

    def holds(self, keys: Keys) -> Flags:
        """Say which groups have an episode at hand."""
        return self.watch.episodes.latest(keys) >= 0

    def view(self, keys: Keys, *, since: int, before: bool = False) -> View:
        """Return the rows that lie within an episode; for rows no longer kept, the episode's two ends stand in."""
        episodes = self.watch.episodes.among(keys)
        ends = _ends(episodes)
        matches = self.kept(keys, since=since) if before else self.stream.of(keys, since=since)
        place = _place_in(matches, episodes)
        inside = matches.at(np.flatnonzero(place >= 0))
        return View.stacked([ends, inside])

    def arrived(self, keys: Keys, *, since: int) -> View:
        """Return those of the rows that lie within an episode also by the order in which they arrived."""
        episodes = self.watch.episodes.among(keys)
        matches = self.stream.of(keys, since=since)
        place = _place_in(matches, episodes)
        matches, place = matches.at(np.flatnonzero(place >= 0)), place[place >= 0]
        before_it = (matches.times == episodes["opened"][place]) & (matches.event < episodes["event"][place])
        inside = matches.at(np.flatnonzero(~before_it))
        ends = _ends(episodes[episodes["event"] < 0])
        # An end that this batch has brought is one of its rows, which says itself when it arrived.
        ends = ends.at(np.flatnonzero(ends.times < self.stream.groups.began.min(initial=NEVER)))
        return View.stacked([ends, inside])

    def confirmed(self, view: View) -> View:
        """Leave out the rows that lie within no episode, now that all of them are known."""
        return view.at(np.flatnonzero(_place_in(view, self.watch.episodes.among(distinct(view.keys))) >= 0))


def old_view(rows: Rows) -> View:
    """Sort rows of earlier batches."""
    return View.sorted(rows, np.full(len(rows), -1))


def _ends(episodes: Table) -> View:
    rows = np.concatenate([end_rows(episodes, "opened"), end_rows(episodes, "last")])
    return View.sorted(rows, np.full(len(rows), STANDS_IN))


def end_rows(episodes: Table, which: str) -> Rows:
    """Make a row of each episode, at the time in the column `which`."""
    rows = np.zeros(len(episodes), ROW)
    rows["key"], rows["time"] = episodes["group"], episodes[which]
    for name in ("user", "address", "organization"):
        rows[name] = episodes[name]
    return rows


def _place_in(view: View, episodes: Table) -> NDArray[np.intp]:
    """Return for each row which of its group's episodes, which do not overlap, it lies within; -1 for none."""
    if not len(episodes):
        return np.full(len(view.keys), -1, dtype=np.intp)
    begun = old_view(end_rows(episodes, "opened"))
    place = Latest(view, [begun, view], arrived=False).place(begun, view.times, view.event)
    return np.where((place >= 0) & (view.times <= episodes["last"][place]), place, -1)
