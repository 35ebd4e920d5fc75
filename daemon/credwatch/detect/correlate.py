"""From rows to openings and continuations: counts, distinct counts, and one thing after another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from credwatch.detect.episodes import EPISODE, Chains, Episodes
from credwatch.detect.sliding import Flags, chains, reaches_count, reaches_distinct
from credwatch.detect.streams import Stream, View
from credwatch.detect.windows import ROW, Rows
from credwatch.rules.model import Rule


@dataclass(slots=True)
class Watch:
    """One rule at work: what it waits for, and the episodes it has open."""

    rule: Rule
    """The rule."""
    fields: tuple[str, ...]
    """The group-by fields of the event that completes it."""
    span_us: int
    """Its window; also the gap after which an episode has ended."""
    threshold: int = 1
    """How many rows or distinct values complete it."""
    counts: str = ""
    """The column of the rows whose distinct values are counted; empty where rows are counted."""
    follows: tuple[Watch, ...] = ()
    """The correlations that must have happened before: what they saw is where its detections begin."""
    lookback_us: int = 0
    """How long ended episodes are kept for rules that ask what came before."""
    episodes: Episodes = field(default_factory=Episodes)
    """What is open."""


@dataclass(frozen=True, slots=True)
class Openings:
    """Conditions completed in one batch, one entry each, all arrays of one length."""

    begin: NDArray[np.intp]
    """The first row counted, as a position in the view."""
    hit: NDArray[np.intp]
    """The completing row, as a position in the view."""
    episodes: NDArray[np.void]
    """The episodes they start, dtype EPISODE, with what has followed within the batch already."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a batch did to one rule's episodes."""

    openings: Openings
    """New episodes."""
    superseded: NDArray[np.intp]
    """Positions of open episodes that ended before a new one of their group opened."""
    extended: NDArray[np.intp]
    """Positions of episodes that were carried on."""


def advance(watch: Watch, view: View) -> Progress:
    """Carry a rule's episodes over the rows at hand and find the ones that open.

    An episode opens at the row that completes the condition, and lasts while its group's rows follow one another
    within the span; so it depends on the set of rows alone, not on how they fell into batches.
    """
    number = chains(view, watch.span_us)
    if not len(number):
        none = np.empty(0, np.intp)
        return Progress(Openings(none, none, np.empty(0, EPISODE)), none, none)
    starts = np.flatnonzero(np.concatenate(([True], np.diff(number) != 0)))
    ends = np.concatenate((starts[1:], [len(number)]))
    found = Chains(
        keys=view.keys[starts],
        first=view.times[starts],
        last=view.times[ends - 1],
        added=np.add.reduceat(view.new.astype(np.int64), starts),
    )
    continued = watch.episodes.continued(found, watch.span_us)
    carried = (continued >= 0) & (found.added > 0)
    watch.episodes.extend(continued[carried], found.last[carried], found.added[carried])
    openings = _openings(watch, view, number, ends, (continued < 0) & (found.added > 0))
    return Progress(openings, _superseded(watch, openings), continued[carried])


def _openings(
    watch: Watch, view: View, number: NDArray[np.intp], ends: NDArray[np.intp], candidates: Flags
) -> Openings:
    """Find the first completing row of each candidate chain."""
    at = np.flatnonzero(candidates[number])
    if watch.counts:
        at = at[_rich_enough(view.rows[watch.counts][at], number[at], watch.threshold)]
    part = View(view.rows[at], view.event[at])
    if watch.counts:
        values = np.ascontiguousarray(part.rows[watch.counts])
        reached = reaches_distinct(part, watch.threshold, watch.span_us, values)
    else:
        reached = reaches_count(part, watch.threshold, watch.span_us)
    hits = at[np.flatnonzero(reached)]
    chain, first = np.unique(number[hits], return_index=True)
    hit = hits[first]
    begin = np.array([_window_begin(view, int(row), watch.span_us) for row in hit], dtype=np.intp)
    episodes = np.zeros(len(hit), EPISODE)
    episodes["key"], episodes["opened"] = view.keys[hit], view.times[hit]
    episodes["sequence"] = view.rows["sequence"][hit]
    episodes["last"], episodes["count"] = view.times[ends[chain] - 1], ends[chain] - begin
    return Openings(begin, hit, episodes)


def _window_begin(view: View, hit: int, span_us: int) -> int:
    """Return the first row of the hit's group that is not older than the span."""
    group = view.span_of(view.keys[hit])
    return int(group.start + np.searchsorted(view.times[group], view.times[hit] - span_us))


def _rich_enough(values: NDArray[np.uint64], number: NDArray[np.intp], threshold: int) -> Flags:
    """Say which rows lie in a chain with at least `threshold` distinct values: the others cannot complete."""
    if not len(values):
        return np.empty(0, dtype=bool)
    order = np.lexsort((values, number))
    ordered_number, value = number[order], values[order]
    fresh = np.concatenate(([True], (np.diff(ordered_number) != 0) | (np.diff(value) != 0)))
    distinct = np.bincount(ordered_number[fresh], minlength=int(number.max()) + 1)
    return np.asarray(distinct[number] >= threshold)


def _superseded(watch: Watch, openings: Openings) -> NDArray[np.intp]:
    latest = watch.episodes.latest(np.unique(openings.episodes["key"]))
    latest = latest[latest >= 0]
    return np.asarray(latest[~watch.episodes.table["closed"][latest]], dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Plain:
    """A part of a temporal correlation that is an event rule: its matches."""

    stream: Stream
    """The rule's stream."""

    def candidates(self, keys: NDArray[np.uint64]) -> Flags:
        """Say which groups have any match at hand."""
        return self.stream.holds(keys)

    def touched(self) -> NDArray[np.uint64]:
        """Return the groups that the batch added to."""
        return self.stream.touched

    def view(self, keys: NDArray[np.uint64]) -> View:
        """Return the matches of the groups."""
        return self.stream.of(keys)


@dataclass(frozen=True, slots=True)
class Lasting:
    """A part of a temporal correlation that is itself a correlation: its rows while an episode lasts."""

    watch: Watch
    """The correlation."""
    stream: Stream
    """Its stream."""

    def candidates(self, keys: NDArray[np.uint64]) -> Flags:
        """Say which groups have an episode at hand."""
        return self.watch.episodes.latest(keys) >= 0

    def touched(self) -> NDArray[np.uint64]:
        """Return the groups that the batch added to."""
        return self.stream.touched

    def view(self, keys: NDArray[np.uint64]) -> View:
        """Return the rows that lie within an episode; for rows no longer kept, the episode's two ends stand in."""
        kept = self.stream.of(keys)
        table = self.watch.episodes.table
        episodes = table[np.isin(table["key"], keys)]
        ends = np.concatenate([_end_rows(episodes, "opened"), _end_rows(episodes, "last")])
        inside = self._inside(kept.rows)
        rows = np.concatenate([ends, kept.rows[inside]])
        event = np.concatenate([np.full(len(ends), -1), kept.event[inside]])
        return View.sorted(rows, event)

    def _inside(self, rows: Rows) -> Flags:
        """Say which rows lie within one of their group's episodes."""
        table = self.watch.episodes.table
        inside = np.zeros(len(rows), dtype=bool)
        for at, row in enumerate(rows):
            begin, end = np.searchsorted(table["key"], [row["key"], row["key"] + np.uint64(1)])
            mine = table[begin:end]
            since = (mine["opened"] < row["time"]) | (
                (mine["opened"] == row["time"]) & (mine["sequence"] <= row["sequence"])
            )
            inside[at] = bool(np.any(since & (row["time"] <= mine["last"])))
        return inside


TemporalPart = Plain | Lasting


def _end_rows(episodes: NDArray[np.void], which: str) -> Rows:
    rows = np.zeros(len(episodes), ROW)
    rows["key"], rows["time"] = episodes["key"], episodes[which]
    rows["sequence"] = np.iinfo(np.int64).max  # at equal times only a kept row tells which came first
    return rows


def completions(parts: list[TemporalPart], span_us: int, *, ordered: bool) -> View:
    """Return the rows at which every part has happened within the span: in the parts' order, or in any.

    A row completes where it is a match of the last part (of any part, unordered) and the others lie within the span
    before it. Moments that are equal are ordered by arrival.
    """
    keys = np.unique(np.concatenate([part.touched() for part in parts]))
    for part in parts:
        keys = keys[part.candidates(keys)]
    if not len(keys):
        return View.empty()
    views = [part.view(keys) for part in parts]
    found = [hit for key in keys for hit in _completions_of(key, views, span_us, ordered)]
    if not found:
        return View.empty()
    rows = np.array([row for row, _ in found], dtype=ROW)
    event = np.array([event for _, event in found], dtype=np.int64)
    return View.sorted(rows, event)


def _completions_of(key: np.uint64, views: list[View], span_us: int, ordered: bool) -> Iterator[tuple[np.void, int]]:
    mine = [(view.rows[span], view.event[span]) for view in views for span in (view.span_of(key),)]
    moments = [list(zip(rows["time"].tolist(), rows["sequence"].tolist(), strict=True)) for rows, _ in mine]
    for rows, event in mine[-1 if ordered else 0 :]:
        for row, at in zip(rows, event, strict=True):
            if _complete((int(row["time"]), int(row["sequence"])), moments, span_us, ordered):
                yield row, int(at)


def _complete(end: tuple[int, int], moments: list[list[tuple[int, int]]], span_us: int, ordered: bool) -> bool:
    """Walk back from the completing moment: the latest match of each part must lie within the span."""
    limit = end
    for part in reversed(moments):
        place = bisect_right(part, limit) - 1
        if place < 0 or part[place][0] < end[0] - span_us:
            return False
        limit = part[place] if ordered else end
    return True
