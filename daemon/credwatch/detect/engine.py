"""The detection engine: events in, detections out, with the state that a restart needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.detect.correlate import Progress, Watch, advance, completions
from credwatch.detect.episodes import EPISODE
from credwatch.detect.evidence import detections_of, moment
from credwatch.detect.expressions import actions_of, compiled, fields_of, with_fields
from credwatch.detect.found import Delta, Found, Serving
from credwatch.detect.keys import FieldHashes
from credwatch.detect.names import Names
from credwatch.detect.plan import Plan, TemporalWatch
from credwatch.detect.streams import Batch, View
from credwatch.detect.windows import ROW
from credwatch.kernel.detection import Detection, DetectionUpdate

_HOUR = 3_600_000_000
_MOST_REPEATS = 1000
_NAME_FIELDS = ("user.name", "source.ip", "organization.id")
_OLDEST = int(np.iinfo(np.int64).min) // 4


class Engine:
    """Holds compiled rules, their windows and their episodes.

    `process` is to be called with the batches of all sources, one after the other, and `delta` of its answer to be
    stored in the same transaction as everything else the batch caused. Not thread-safe.
    """

    def __init__(self, plan: Plan, *, seed: int, lateness_us: int = 10_000_000) -> None:
        self.plan = plan
        self.names = Names()
        self._seed = seed
        self._lateness_us = lateness_us
        self._watermarks: dict[str, int] = {}
        self._sequence = 0
        self._turned = _OLDEST
        self._settled = _OLDEST
        self._serving: list[Serving] = []
        self._expressions = {rule.id: compiled(rule.condition).alias(rule.id) for rule in plan.rules.events}
        self._actions = {rule.id: actions_of(rule.condition) for rule in plan.rules.events}
        needed = [fields_of(rule.condition) for rule in plan.rules.events]
        self._fields = frozenset({"@timestamp", "event.action", *_NAME_FIELDS}).union(*needed)

    def process(self, events: pl.DataFrame, source: str) -> Found:
        """Hold a batch of enriched events of one source against every rule."""
        if not events.height:
            return Found()
        low_before = self._low(source)
        batch = self._batch(events, source)
        low = self._low(source)
        for stream in self.plan.streams:
            stream.take(batch)
        self._remember_names(batch)
        self._serving = []
        detections: list[Detection] = []
        updates: list[DetectionUpdate] = []
        for watch, view in self._views(int(batch.times.min())):
            opened, carried = self._follow(watch, view, batch)
            detections += opened
            updates += carried
        updates += self._ended(low)
        for stream in self.plan.streams:
            stream.keep(oldest=low_before - stream.log.retention_us)
        return Found(
            detections=tuple(sorted(detections, key=lambda found: (found.opened_at, found.id))),
            updates=tuple(updates),
            serving=tuple(self._serving),
            late=int(batch.late.sum()),
            evaluations=events.height * len(self._expressions),
            delta=self._delta(low),
        )

    def restore(
        self,
        *,
        sequence: int,
        watermarks: Iterable[tuple[str, int]],
        windows: Iterable[tuple[str, bytes]],
        names: Iterable[tuple[int, bytes]],
        episodes: Iterable[tuple[str, str, int, int, int, int, int, bool]],
    ) -> None:
        """Take back the state that the store kept.

        `episodes` are (rule id, detection id, then the columns of EPISODE with the group key as a signed number).
        """
        self._sequence = sequence
        self._watermarks.update(watermarks)
        self._settled = max(self._watermarks.values(), default=_OLDEST) - self._lateness_us
        streams = {stream.spec.name: stream for stream in self.plan.streams}
        for name, data in windows:
            if name in streams:
                streams[name].log.restore(np.frombuffer(data, ROW), oldest=_OLDEST)
        for generation, data in names:
            self.names.restore(generation, data)
        by_rule: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
        for rule, detection, *numbers in episodes:
            by_rule.setdefault(rule, []).append((detection, tuple(numbers)))
        for watch in self.plan.all_watches():
            kept = by_rule.get(watch.rule.id, [])
            table = np.array([(np.int64(n[0]).astype(np.uint64), *n[1:]) for _, n in kept], dtype=EPISODE)
            watch.episodes.open(table, [detection for detection, _ in kept])

    def rows_kept(self) -> int:
        """Count the rows in all windows."""
        return sum(len(stream.log) for stream in self.plan.streams)

    def _batch(self, events: pl.DataFrame, source: str) -> Batch:
        whole = with_fields(events, self._fields)
        times = whole.get_column("@timestamp").dt.timestamp("us").to_numpy()
        masks = self._masks(whole)
        late, hashes = self._late(times, source), FieldHashes(whole, self._seed)
        self._sequence += events.height
        return Batch(whole, times, masks, late, hashes, self._sequence - events.height, _repeats(events))

    def _masks(self, events: pl.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Say which events each rule matches; a rule none of whose actions has happened is not asked."""
        happened = set(events.get_column("event.action").unique().to_list())
        asked = [name for name, actions in self._actions.items() if actions is None or not actions.isdisjoint(happened)]
        matched = events.select(self._expressions[name] for name in asked)
        masks = dict.fromkeys(self._expressions, np.zeros(events.height, dtype=bool))
        return masks | {name: matched.get_column(name).to_numpy() for name in asked}

    def _late(self, times: NDArray[np.int64], source: str) -> NDArray[np.bool_]:
        """Say which events lie more than the lateness behind the latest event of their source before them."""
        before = self._watermarks.get(source, _OLDEST)
        latest = np.maximum(np.maximum.accumulate(times), before)
        self._watermarks[source] = int(latest[-1])
        return np.asarray(times < latest - self._lateness_us)

    def _low(self, source: str) -> int:
        """Return the event time before which nothing is expected any more.

        Sources more than an hour away from the present one are not waited for: they are silent, or history.
        """
        present = self._watermarks.get(source, _OLDEST)
        near = [mark for mark in self._watermarks.values() if abs(mark - present) <= _HOUR]
        return min(near, default=present) - self._lateness_us

    def _remember_names(self, batch: Batch) -> None:
        used = np.zeros(batch.events.height, dtype=bool)
        for stream in self.plan.streams:
            used[stream.new.event] = True
        at = np.flatnonzero(used)
        for name in _NAME_FIELDS:
            column = batch.events.get_column(name)
            if column.null_count() < len(column):
                self.names.remember(column.gather(at), batch.hashes.of(name)[at])

    def _views(self, earliest: int) -> Iterable[tuple[Watch, View]]:
        """Give each rule the rows it looks at, correlations after those they refer to.

        A group whose open episode is carried on needs no earlier rows: what follows depends on the new ones alone.
        """
        for watch, stream in self.plan.counting:
            if len(stream.touched):
                settled = watch.episodes.carried_on(stream.touched, stream.began, watch.span_us)
                yield watch, stream.view(settled, since=earliest - watch.span_us)
        for temporal in self.plan.temporal:
            yield temporal.watch, self._completed(temporal)

    def _completed(self, temporal: TemporalWatch) -> View:
        """Return the completing rows; new are those of this batch, and those that a late row has completed."""
        view = completions(list(temporal.parts), temporal.watch.span_us, ordered=temporal.ordered)
        episodes = temporal.watch.episodes
        place = episodes.latest(view.rows["key"])
        seen = np.zeros(len(place), dtype=bool)
        if len(episodes.table):
            seen = (place >= 0) & (view.times <= episodes.table["last"][place])
        # Episodes that ended before this may be forgotten: what had completed by then was told then.
        known_since = self._settled - temporal.watch.span_us
        view.new |= ~seen & (view.times >= known_since)
        return view

    def _follow(self, watch: Watch, view: View, batch: Batch) -> tuple[list[Detection], list[DetectionUpdate]]:
        progress = advance(watch, view)
        updates = self._closed(watch, progress.superseded)
        updates += self._carried(watch, progress)
        openings = progress.openings
        if not len(openings.hit):
            return [], updates
        if not watch.rule.alone:
            self._serving += _serve(watch, openings.episodes)
            return [], updates
        detections = detections_of(watch, openings, view, batch.events, self.names)
        watch.episodes.open(openings.episodes, [detection.id for detection in detections])
        grown = openings.episodes["count"] > openings.hit - openings.begin + 1
        updates += [_update(watch, detections[at].id, openings.episodes[at]) for at in np.flatnonzero(grown)]
        return detections, updates

    def _carried(self, watch: Watch, progress: Progress) -> list[DetectionUpdate]:
        table, ids = watch.episodes.table, watch.episodes.ids
        return [_update(watch, ids[place], table[place]) for place in progress.extended]

    def _closed(self, watch: Watch, places: NDArray[np.intp]) -> list[DetectionUpdate]:
        watch.episodes.close(places)
        table, ids = watch.episodes.table, watch.episodes.ids
        return [_update(watch, ids[place], table[place]) for place in places]

    def _ended(self, low: int) -> list[DetectionUpdate]:
        updates: list[DetectionUpdate] = []
        self._settled = max(self._settled, low)
        for watch in self.plan.all_watches():
            table = watch.episodes.table
            places = np.flatnonzero(~table["closed"] & (table["last"] < low - watch.span_us))
            updates += self._closed(watch, places)
            watch.episodes.forget(ended_before=low - watch.span_us - watch.lookback_us)
        return updates

    def _delta(self, low: int) -> Delta:
        windows, forget = [], []
        for stream in self.plan.streams:
            rows = stream.log.take_new()
            if len(rows):
                windows.append((stream.spec.name, int(rows["time"].max()), rows.tobytes()))
            oldest = low - stream.log.retention_us
            if stream.log.forget(oldest=oldest):
                forget.append((stream.spec.name, oldest))
        names = self.names.take_new()
        self._turn_names(low)
        return Delta(
            windows=tuple(windows),
            forget=tuple(forget),
            names=(self.names.generation, names) if names else None,
            watermarks=tuple(self._watermarks.items()),
            sequence=self._sequence,
        )

    def _turn_names(self, low: int) -> None:
        if self._turned == _OLDEST:
            self._turned = low
        elif low - self._turned > self.plan.longest_us:
            self.names.turn()
            self._turned = low


def _serve(watch: Watch, episodes: NDArray[np.void]) -> list[Serving]:
    """Open episodes of a rule that only serves others."""
    keys = episodes["key"].astype(np.int64)
    ids = [f"{watch.rule.id}:{key}:{opened}" for key, opened in zip(keys, episodes["opened"], strict=True)]
    watch.episodes.open(episodes, ids)
    return [
        Serving(
            watch.rule.id,
            name,
            int(key),
            int(each["opened"]),
            int(each["sequence"]),
            int(each["last"]),
            int(each["count"]),
        )
        for name, key, each in zip(ids, keys, episodes, strict=True)
    ]


def _repeats(events: pl.DataFrame) -> NDArray[np.int64] | None:
    """Return for how many equal events each event stands, up to a bound; None where each stands for itself."""
    if "credwatch.repeat" not in events.columns:
        return None
    repeats = events.get_column("credwatch.repeat").fill_null(1).clip(1, _MOST_REPEATS).to_numpy()
    return repeats if (repeats != 1).any() else None


def _update(watch: Watch, detection: str, episode: Any) -> DetectionUpdate:
    return DetectionUpdate(
        detection_id=detection,
        rule_id=watch.rule.id,
        last_at=moment(episode["last"]),
        count=int(episode["count"]),
        closed=bool(episode["closed"]),
    )
