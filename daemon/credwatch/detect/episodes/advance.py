"""Carries a rule's episodes over the rows of a batch: what opens, what goes on, what late rows correct.

A chain is a run of a key's rows in which no gap is longer than the rule's span. A chain in which the condition holds at
some row has one episode: it opens at the first such row, and counts the rows of its window and all that follow in the
chain. So episodes depend on the set of rows alone; rows in order only carry them on, and where a row comes before
others of its key, the key's episodes from that row on are worked out anew.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from credwatch.detect.count.aggregates import Aggregate
from credwatch.detect.count.sliding import chains, window_starts
from credwatch.detect.episodes.episodes import EPISODE, Episodes, Table
from credwatch.detect.windows.views import View
from credwatch.rules.model import Rule

_REVISED = ("opened", "last", "count", "user", "address", "organization")
"""The columns of an episode that late rows may change."""

Times = NDArray[np.int64]
"""Event times, microseconds UTC."""


class Watch(Struct, eq=False):
    """One rule at work: what it waits for, and the episodes it has open."""

    rule: Rule
    """The rule."""
    fields: tuple[str, ...]
    """The group-by fields of the event that completes it."""
    span_us: int
    """Its window; also the gap after which an episode has ended."""
    aggregate: Aggregate
    """The condition on a window."""
    follows: tuple[Watch, ...] = ()
    """The correlations that must have happened before: what they saw is where its detections begin."""
    lookback_us: int = 0
    """How long ended episodes are kept for rules that ask what came before."""
    delay_us: int = 0
    """How much later than its rows it is decided whether they complete it."""
    told_apart: bool = False
    """True where keys tell more than the group: rows then carry the group as their value."""
    episodes: Episodes = field(default_factory=Episodes)
    """What is open."""


class Rewound(Struct, frozen=True, eq=False):
    """A key whose rows came out of order."""

    key: np.uint64
    """The key."""
    since: int
    """The time from which its rows may differ from what they were."""
    before: Times
    """The times, sorted, of the rows not before `since` that were there before the batch."""


class Feed(Struct, frozen=True, eq=False):
    """What a batch brings to one rule."""

    view: View
    """Its rows of the keys that the batch touched."""
    rewound: tuple[Rewound, ...] = ()
    """The keys in which rows came out of order."""

    @classmethod
    def of(cls, view: View, *, ties: bool) -> Feed:
        """Find the keys of a view in which rows came out of order."""
        return cls(view, tuple(_rewound(view, key) for key in view.disordered(ties=ties)))


class Openings(Struct, frozen=True, eq=False):
    """Conditions completed in one batch, one entry each, all arrays of one length."""

    view: View
    """The rows."""
    begin: NDArray[np.intp]
    """The first row counted, as a position in the view."""
    hit: NDArray[np.intp]
    """The completing row, as a position in the view."""
    episodes: Table
    """The episodes they start, with what has followed within the batch already."""


class Progress(Struct, frozen=True, eq=False):
    """What a batch did to one rule's episodes."""

    openings: tuple[Openings, ...] = ()
    """New episodes, not yet among the rule's."""
    withdrawn: Table = field(default_factory=lambda: np.empty(0, EPISODE))
    """Episodes that late rows joined to the one before them."""


# The idea. A chain is what stream processors call a session window, with the rule's span as the gap that ends it
# (Akidau et al., The Dataflow Model, VLDB 2015, section 2.2). For "three within the span":
#
#     rows of a key       a   b  c     d                 e   f      time →
#     longer gap                            > span
#     chains              └─── 0 ──────┘                 └ 1 ┘
#     condition holds            c     d
#     episode                    opens at c, counts a b c d, last is d
#
# A late row may open an earlier episode, lengthen one, or join two chains. Then the key's episodes from that row on are
# worked out anew and laid beside the ones told before: in their order the new take the serials of the old, so that a
# detection keeps its number; old ones left over are withdrawn.
# Where the late row lies in the settled past, the old stay as they are, and only what lies clear of them opens.
#
# The cost. Keys in order: a few passes over the batch's rows and the rows of windows they may complete, for all keys at
# once. Keys out of order: one pass for each such key that has episodes, which is why these are handled apart.
def advance(watch: Watch, feed: Feed, *, settled: int) -> Progress:
    """Carry a rule's episodes over a batch; what opens is returned, for the caller to number and add.

    No row is expected any more that is older than `settled` (event time, microseconds).
    """
    again = [rewinding for rewinding in feed.rewound if len(watch.episodes.of(rewinding.key))]
    if not again:
        return Progress(tuple(_in_order(watch, feed.view, feed.rewound)))
    apart = np.isin(feed.view.keys, np.array([rewinding.key for rewinding in again], np.uint64))
    openings = list(_in_order(watch, feed.view.at(np.flatnonzero(~apart)), feed.rewound))
    withdrawn = []
    for rewinding in again:
        opened, gone = _anew(
            watch, feed.view.at(np.arange(len(apart))[feed.view.span_of(rewinding.key)]), rewinding, settled
        )
        openings += opened
        withdrawn.append(gone)
    return Progress(tuple(openings), np.concatenate(withdrawn))


def _in_order(watch: Watch, view: View, rewound: tuple[Rewound, ...]) -> list[Openings]:
    """Carry on what is open and open what completes, for keys whose rows came in order or that have no episode."""
    if not len(view.keys):
        return []
    number = chains(view, watch.span_us)
    starts = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
    ends = np.append(starts[1:], len(number))
    added = np.add.reduceat(view.new.astype(np.int64), starts)
    continued = watch.episodes.continued(view.keys[starts], view.times[starts], watch.span_us)
    carried = (continued >= 0) & (added > 0)
    watch.episodes.extend(continued[carried], view.times[ends[carried] - 1], added[carried])
    fresh = (continued < 0) & (added > 0)
    if not fresh.any():
        return []
    rows = np.flatnonzero(fresh[number])
    part = view.at(rows)
    hits = np.flatnonzero(watch.aggregate.holds(part, watch.span_us) & _may_complete(part, rewound))
    return [_openings(watch, part, hits, number[rows])] if len(hits) else []


def _may_complete(view: View, rewound: tuple[Rewound, ...]) -> NDArray[np.bool_]:
    """Say which rows may complete a condition: those of the batch, and those that a late row of it precedes."""
    allowed = view.new
    for rewinding in rewound:
        span = view.span_of(rewinding.key)
        if span.stop > span.start:
            allowed = allowed.copy()
            allowed[span] |= view.times[span] >= rewinding.since
    return allowed


def _openings(watch: Watch, view: View, hits: NDArray[np.intp], number: NDArray[np.intp] | None = None) -> Openings:
    """Open an episode at the first hit of each chain; `number` tells the rows' chains apart, where that is known."""
    number = chains(view, watch.span_us) if number is None else number
    first = np.append(True, number[hits[1:]] != number[hits[:-1]])
    hit = hits[first]
    begin = window_starts(view, watch.span_us, hit)
    end = np.searchsorted(number, number[hit], side="right")
    rows = view.at(hit).rows
    episodes = np.zeros(len(hit), EPISODE)
    episodes["key"], episodes["group"] = rows["key"], rows["value" if watch.told_apart else "key"]
    episodes["opened"], episodes["last"], episodes["count"] = rows["time"], view.times[end - 1], end - begin
    for name in ("user", "address", "organization"):
        episodes[name] = rows[name]
    episodes["event"], episodes["dirty"] = view.event[hit], True
    return Openings(view, begin, hit, episodes)


def _anew(watch: Watch, view: View, rewound: Rewound, settled: int) -> tuple[list[Openings], Table]:
    """Work out one key's episodes from a moment on, and match them with those that had been told."""
    table, since = watch.episodes.table, rewound.since
    places = watch.episodes.of(rewound.key)
    later, earlier = places[table["opened"][places] >= since], places[table["opened"][places] < since]
    first = int(np.searchsorted(view.times, since))
    if len(earlier):
        _cut_back(table, earlier[-1], view.times[:first], rewound.before)
    start = _carry_on(watch, view, first, earlier)
    rest = view.at(np.arange(start, len(view.keys)))
    hits = np.flatnonzero(watch.aggregate.holds(rest, watch.span_us) & (np.arange(start, len(view.keys)) >= first))
    if since < settled:
        return _beside(watch, rest, hits, later), np.empty(0, EPISODE)
    openings = _openings(watch, rest, hits) if len(hits) else Openings(rest, hits, hits, np.empty(0, EPISODE))
    return _matched(watch, openings, later)


def _cut_back(table: Table, place: np.intp, earlier: Times, before: Times) -> None:
    """Take from an episode the rows that were counted from a moment on, of which some may be no more.

    `earlier` are the times of the rows that come before that moment, `before` of those that were told since.
    """
    counted = int(np.searchsorted(before, table["last"][place], side="right"))
    if counted:
        table["last"][place] = max(table["opened"][place], *earlier[-1:])
        table["count"][place] -= counted
        table["closed"][place] = False  # what opened behind it may be no more either
        table["dirty"][place] = True


def _carry_on(watch: Watch, view: View, first: int, earlier: NDArray[np.intp]) -> int:
    """Carry on the episode that the rows from `first` on belong to; return where the rest begins.

    Where they belong to none, the rest begins with the chain that they are in, or behind the last episode.
    """
    number, table = chains(view, watch.span_us), watch.episodes.table
    if first == len(number):
        return first
    place = earlier[-1] if len(earlier) else -1
    if place < 0 or view.times[first] - table["last"][place] > watch.span_us:
        return int(np.searchsorted(number, number[first]))
    end = int(np.searchsorted(number, number[first], side="right"))
    table["closed"][place] = False
    table["last"][place] = view.times[end - 1]
    table["count"][place] += end - first
    table["dirty"][place] = True
    return end


def _beside(watch: Watch, view: View, hits: NDArray[np.intp], later: NDArray[np.intp]) -> list[Openings]:
    """Open what lies before the settled past's own episodes, which stay as they are."""
    table = watch.episodes.table[later]
    free = np.array([not np.any(table["opened"] - watch.span_us <= time) for time in view.times[hits]], dtype=bool)
    return [_openings(watch, view, hits[free])] if free.any() else []


def _matched(watch: Watch, openings: Openings, later: NDArray[np.intp]) -> tuple[list[Openings], Table]:
    """Let the episodes found take the place of those told, in their order; return those left over on either side."""
    both = min(len(openings.episodes), len(later))
    before = watch.episodes.table[later]
    revised = openings.episodes[:both].copy()
    revised["serial"] = before["serial"][:both]
    revised["key"] = before["key"][:both]
    same = np.logical_and.reduce([revised[name] == before[name][:both] for name in _REVISED])
    revised["dirty"] = ~same | before["dirty"][:both]
    gone = before[both:].copy()
    watch.episodes.replace(later, revised)
    rest = slice(both, None)
    fresh = Openings(openings.view, openings.begin[rest], openings.hit[rest], openings.episodes[rest])
    return [fresh] if len(fresh.hit) else [], gone


def _rewound(view: View, key: np.uint64) -> Rewound:
    span = view.span_of(key)
    times, new = view.times[span], view.new[span]
    since = int(times[new].min())
    old = times[~new]
    return Rewound(key, since, old[np.searchsorted(old, since) :])
