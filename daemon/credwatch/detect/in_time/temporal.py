"""Correlations in time: the moments at which several rules have matched within a span, in any order or in theirs."""

from __future__ import annotations

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from credwatch.detect.count.sliding import Flags
from credwatch.detect.episodes.advance import Feed, Rewound, Watch
from credwatch.detect.in_time.absence import evaluated, forbids, wanted
from credwatch.detect.in_time.parts import STANDS_IN, Lasting, Plain, old_view
from credwatch.detect.windows.keys import mixed
from credwatch.detect.windows.latest import NEVER, Keys, Latest
from credwatch.detect.windows.rows import CARRIED, ROW, Rows
from credwatch.detect.windows.streams import NO_KEYS
from credwatch.detect.windows.views import View
from credwatch.kernel.ordering import among, distinct
from credwatch.rules.model import PartCondition


class Nested(Struct, frozen=True, eq=False):
    """A part that is itself a correlation in time: the rows that complete it, of which its episodes consist."""

    inner: TemporalWatch
    """The correlation."""

    @property
    def latest(self) -> int:
        """Tell the time of the latest row before the batch."""
        return self.inner.latest

    def touched(self) -> Keys:
        """Return the groups in which the batch may have changed anything, sorted."""
        return self.inner.touched()

    def has_rows(self, keys: Keys) -> Flags:
        """Say which groups may have an episode once the batch is taken."""
        return np.isin(keys, self.inner.watch.episodes.table["group"]) | among(keys, self.inner.conceivable())

    def holds(self, keys: Keys) -> Flags:
        """Say which groups have an episode at hand."""
        return np.isin(keys, self.inner.watch.episodes.table["group"])

    def began(self, keys: Keys) -> NDArray[np.int64]:
        """Return the time from which the group's rows may differ from those before the batch."""
        return self.inner.began(keys)

    def kept(self, keys: Keys, *, since: int) -> View:
        """Return what was there of the groups before the batch; to be asked before anything goes on."""
        return self.view(keys, since=since, before=True)

    def view(self, keys: Keys, *, since: int, before: bool = False) -> View:
        """Return the rows at which it was complete; for those before the batch, ask before anything goes on."""
        view = self.inner.happened(keys, since=since, before=before)
        view.new = (view.times >= self.began(view.keys)) & (not before)
        return view

    def arrived(self, keys: Keys, *, since: int) -> View:
        """Return the same: each is taken to have arrived with the row that completed it."""
        return self.view(keys, since=since)

    def fresh(self) -> Rows:
        """Return the completing rows that the batch has brought or may have changed."""
        touched = self.touched()
        view = self.view(touched, since=int(self.began(touched).min(initial=NEVER)))
        return view.at(np.flatnonzero(view.new)).rows

    def candidates(self) -> Rows:
        """Return all completing rows at hand."""
        return self.view(distinct(self.inner.watch.episodes.table["group"]), since=-NEVER).rows

    def confirmed(self, view: View) -> View:
        """Return those of the rows that complete it still, each once."""
        certain = self.view(distinct(view.keys), since=int(view.times.min(initial=NEVER)))
        return certain.at(np.flatnonzero(np.isin(certain.rows, view.rows)))


TemporalPart = Plain | Lasting | Nested


class TemporalWatch(Struct, eq=False):
    """A correlation in time at work."""

    watch: Watch
    """Its episodes."""
    parts: tuple[TemporalPart, ...]
    """What it waits for."""
    ordered: bool
    """True where the parts must happen in their order."""
    condition: PartCondition | None = None
    """What must and must not have happened; None where all parts must."""
    _since: int = -NEVER
    _conceivable: Keys = field(default_factory=lambda: NO_KEYS)
    _told: View = field(default_factory=View.empty)
    """What had completed before the batch, for groups in which rows came out of order."""
    _rewound: Keys = field(default_factory=lambda: NO_KEYS)
    _pending: tuple[Rows, ...] = ()
    """For each part that may complete, its rows of which it is not decided yet whether anything forbids it."""

    @property
    def waits(self) -> bool:
        """Say whether the condition forbids a part, so that it can be decided only when the span is over."""
        return self.condition is not None and forbids(self.condition)

    def look_back(self, earliest: int) -> None:
        """Note, before any rule goes on, what had completed in the groups in which rows now come out of order.

        No row of the batch is older than `earliest`: what happened a span before it cannot matter any more.
        """
        self._rewound, self._told = NO_KEYS, View.empty()
        self._since = earliest - self.watch.span_us
        self._conceivable = keys = NO_KEYS if self.waits else self.conceivable()
        if not len(keys):
            return
        keys = keys[self.began(keys) <= self.latest]
        began, latest = self.began(keys), np.full(len(keys), -NEVER)
        for part in self.parts if len(keys) else ():
            old = part.kept(keys, since=self._since)
            np.maximum.at(latest, np.searchsorted(keys, old.keys), old.times)
        self._rewound = keys[latest >= began]
        held = self._possible(self._rewound)
        self._told = self._completions(held, before=True) if len(held) else View.empty()

    def feed(self, *, settled: int, oldest: int) -> Feed:
        """Return the completing rows that the rule's episodes have to take.

        Of what happened before `oldest` it cannot be known any more what else did not happen: it is not decided.
        """
        if self.waits:
            return Feed(self._decided(settled, oldest))
        keys = self._possible(self._conceivable)
        if not len(keys) and not len(self._told.keys):
            return Feed(View.empty())
        view = self._completions(keys, before=False)
        if not len(self._rewound):
            return Feed(view.at(np.flatnonzero(view.new)))
        return self._corrected(view)

    def resume(self, settled: int) -> None:
        """Take up, after a restart, the rows that were not decided yet."""
        if self.waits:
            kept = (part.candidates() for part in self._wanted())
            self._pending = tuple(rows[rows["time"] >= settled - self.watch.span_us] for rows in kept)

    @property
    def latest(self) -> int:
        """Tell the time of the latest row that any part has had before the batch; far in the past for none."""
        return max(part.latest for part in self.parts)

    def touched(self) -> Keys:
        """Return the groups in which the batch may have changed anything, sorted."""
        touched = [keys for part in self.parts if len(keys := part.touched())]
        return distinct(np.concatenate(touched)) if touched else NO_KEYS

    def began(self, keys: Keys) -> NDArray[np.int64]:
        """Return the time from which each group's rows may differ from those before the batch."""
        return np.asarray(np.minimum.reduce([part.began(keys) for part in self.parts]))

    def conceivable(self) -> Keys:
        """Return the groups that the batch touched and in which every part that must happen has a row."""
        touched = [part.touched() for part in self.parts]
        if self.condition is None:
            for part in self.parts:
                touched = [
                    keys[part.has_rows(keys)] if len(keys) and of is not part else keys
                    for of, keys in zip(self.parts, touched, strict=True)
                ]
        return distinct(np.concatenate(touched)) if any(map(len, touched)) else NO_KEYS

    def happened(self, keys: Keys, *, since: int, before: bool) -> View:
        """Return the rows of sorted groups, since a moment, at which the condition holds."""
        views, asked = self._asked(keys, since=max(since - self.watch.span_us, -NEVER), before=before)
        asked = asked.at(np.flatnonzero((asked.times >= since) & (asked.event != STANDS_IN)))
        return asked.at(np.flatnonzero(self._complete(asked, views, arrived=False)))

    def _possible(self, keys: Keys) -> Keys:
        """Leave out the groups in which a part that must happen has not."""
        if self.condition is not None or not len(keys):
            return keys
        return keys[np.logical_and.reduce([part.holds(keys) for part in self.parts])]

    def _corrected(self, view: View) -> Feed:
        """Feed new rows of groups in order, and of the others all from where they may differ."""
        groups = view.columns.column("value")
        again = among(groups, self._rewound)
        since = self.began(self._rewound)
        place = np.minimum(np.searchsorted(self._rewound, groups), len(since) - 1)
        view.new = np.where(again, view.times >= since[place], view.new)
        told_since = since[np.searchsorted(self._rewound, self._told.columns.column("value"))]
        openings = self._told.at(np.flatnonzero(self._told.times >= told_since))
        keys, first = np.unique(np.concatenate([view.keys[again], openings.keys]), return_index=True)
        since_of = np.concatenate([since[place[again]], told_since[self._told.times >= told_since]])[first]
        rewound = tuple(
            Rewound(key, int(moment), openings.times[openings.span_of(key)])
            for key, moment in zip(keys, since_of, strict=True)
        )
        return Feed(view.at(np.flatnonzero(again | view.new)), rewound)

    def _completions(self, keys: Keys, *, before: bool) -> View:
        """Return the rows of sorted groups at which the condition holds, told apart by subject and customer."""
        views, asked = self._asked(keys, since=self._since, before=before)
        # What the batch cannot have changed is asked for only to compare it with what it has.
        differs = True if before else asked.new | among(asked.keys, self._rewound)
        asked = asked.at(np.flatnonzero(differs & (asked.event != STANDS_IN)))
        hits = asked.at(np.flatnonzero(self._complete(asked, views, arrived=False)))
        # Of rows of one moment, the one with which the last of what was needed arrived goes first and is told of.
        arrived = np.ones(len(hits.keys), bool) if before else self._arrived(hits)
        first = np.lexsort((hits.event, ~arrived))
        event = np.where(arrived, hits.event, -1)
        return self._told_apart(hits.at(first).rows, event[first], hits.new[first])

    def _asked(self, keys: Keys, *, since: int, before: bool) -> tuple[list[View], View]:
        """Return the rows of each part, and those that may complete the correlation among them."""
        views = [part.view(keys, since=since, before=before) for part in self.parts]
        return views, views[-1] if self.ordered else View.stacked(views)

    def _arrived(self, hits: View) -> Flags:
        """Say which of the completing rows were complete with what had arrived when they did.

        Of rows that only carry on an open episode none is told of: they are not asked.
        """
        episodes = self.watch.episodes
        carried = episodes.carried_on(self._keys_apart(hits.rows), hits.times, self.watch.span_us) >= 0
        asked = np.flatnonzero(~carried | among(hits.keys, self._rewound))
        arrived = np.ones(len(hits.keys), bool)
        if len(asked):
            some = hits.at(asked)
            keys = distinct(some.keys)
            views = [part.arrived(keys, since=self._since) for part in self.parts]
            arrived[asked] = self._complete(some, views, arrived=True)
        return arrived

    def _complete(self, asked: View, views: list[View], *, arrived: bool) -> Flags:
        """Say at which rows the condition holds; with `arrived`, by what had arrived with the row."""
        latest = Latest(asked, views, arrived=arrived)
        since = asked.times - self.watch.span_us
        if self.condition is not None:
            there = [latest.of(view, asked.times, asked.event) >= since for view in views]
            return evaluated(self.condition, there)
        complete, limit, event = np.ones(len(asked.keys), dtype=bool), asked.times, asked.event
        for view in reversed(views):
            place = latest.place(view, limit, event)
            moment = np.append(view.times, -NEVER)[place]
            complete &= moment >= since
            if self.ordered:
                limit, event = moment, np.append(view.event, -1)[place]
        return complete

    def _told_apart(self, rows: Rows, event: NDArray[np.int64], new: Flags) -> View:
        rows = rows.copy()
        rows["value"] = rows["key"]
        rows["key"] = self._keys_apart(rows)
        order = np.lexsort((rows["time"], rows["key"]))
        view = View.of(rows.take(order), event[order])
        view.new = new[order]
        return view

    def _keys_apart(self, rows: Rows) -> Keys:
        subject = CARRIED.get(self.watch.rule.consequence.subject)
        key = mixed(rows["key"], rows["organization"])
        return mixed(key, rows[subject]) if subject else key

    def _wanted(self) -> list[TemporalPart]:
        """List the parts that may complete: those the condition does not only forbid."""
        assert self.condition is not None
        numbers = wanted(self.condition)
        return [part for at, part in enumerate(self.parts) if at in numbers]

    def _decided(self, settled: int, oldest: int) -> View:
        """Decide about the rows behind which nothing can come any more that would forbid them."""
        span_us = self.watch.span_us
        asked = View.stacked(self._due(settled - span_us, oldest))
        if not len(asked.keys):
            return asked
        keys = distinct(asked.keys)
        views = [part.view(keys, since=-NEVER) for part in self.parts]
        latest, there = Latest(asked, views, arrived=False), []
        numbers = wanted(self.condition) if self.condition is not None else frozenset()
        for at, view in enumerate(views):
            until = asked.times if at in numbers else asked.times + span_us
            there.append(latest.of(view, until, asked.event) >= asked.times - span_us)
        assert self.condition is not None
        hits = np.flatnonzero(evaluated(self.condition, there))
        return self._told_apart(asked.at(hits).rows, asked.event[hits], np.ones(len(hits), dtype=bool))

    def _due(self, until: int, oldest: int) -> list[View]:
        """Give, part by part, the rows before a moment that have not been decided about; the others wait."""
        waiting, due = [], []
        before = self._pending or (np.empty(0, ROW),) * len(self._wanted())
        for part, pending in zip(self._wanted(), before, strict=True):
            fresh = part.fresh()
            rows = np.concatenate([pending, fresh.compress(fresh["time"] >= oldest)])
            is_due = rows["time"] < until
            due.append(part.confirmed(old_view(rows.compress(is_due))))
            waiting.append(rows.compress(~is_due))
        self._pending = tuple(waiting)
        return due
