"""The detection engine: events in, detections out, with the state that a restart needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import assert_never

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.detect.advance import Openings, Progress, Watch, advance, advance_late
from credwatch.detect.episodes import EPISODE
from credwatch.detect.evidence import detections_of
from credwatch.detect.expressions import with_fields
from credwatch.detect.found import Delta, Episodic, Found
from credwatch.detect.keys import FieldHashes
from credwatch.detect.names import Names
from credwatch.detect.native import native_paths, with_native
from credwatch.detect.nested import NestedWatch
from credwatch.detect.plan import AnyWatch, Plan, StreamWatch
from credwatch.detect.rows import CARRIED
from credwatch.detect.selecting import Selection
from credwatch.detect.streams import Batch
from credwatch.detect.temporal import TemporalWatch

_HOUR = 3_600_000_000
_MOST_REPEATS = 1000
_OLDEST = int(np.iinfo(np.int64).min) // 4
_NO_EPISODES = np.empty(0, EPISODE)


class Engine:
    """Holds compiled rules, their windows and their episodes.

    `process` is to be called with the batches of all sources, one after the other, and what its answer says of
    episodes and state to be stored in the same transaction as everything else the batch caused. Not thread-safe.
    """

    def __init__(
        self, plan: Plan, *, seed: int, lateness_us: int = 10_000_000, lateness_of: Mapping[str, int] | None = None
    ) -> None:
        self.plan = plan
        self.names = Names()
        self._seed = seed
        self._lateness_us = lateness_us
        self._lateness_of = lateness_of or {}
        self._watermarks: dict[str, int] = {}
        self._serial = 1
        self._turned = _OLDEST
        self._settled = _OLDEST
        self._selection = Selection(plan.rules.events)
        self._native = native_paths(plan.rules)
        values = {stream.spec.value for stream in plan.streams if stream.spec.value}
        self._fields = frozenset({"@timestamp", *CARRIED, *values})

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
        earliest = int(batch.times.min())
        # 1. Note what rows that come out of order may change, before anything changes.
        for each in self.plan.watches:
            if not isinstance(each, StreamWatch):
                each.look_back(earliest)
        # 2. Carry every rule on, each behind those it refers to.
        first_serial, settled_before = self._serial, self._settled
        self._settled = max(self._settled, low)
        opened: list[tuple[Watch, Openings]] = []
        withdrawn: dict[str, NDArray[np.void]] = {}
        for each in self.plan.watches:
            progress = self._advanced(each, earliest, settled_before)
            self._open(each.watch, progress.openings)
            opened += [(each.watch, openings) for openings in progress.openings if each.watch.rule.alone]
            withdrawn[each.watch.rule.id] = progress.withdrawn
        detections = detections_of(opened, batch, self.names)
        # 3. End what has ended, and hand out what the store must know.
        episodes = self._episodes(low, first_serial, withdrawn)
        for stream in self.plan.streams:
            stream.keep(oldest=low_before - stream.log.retention_us)
        return Found(
            detections=tuple(sorted(detections, key=attrgetter("opened_at", "id"))),
            episodes=episodes,
            late=int(batch.late.sum()),
            evaluations=events.height * len(self.plan.rules.events),
            dropped=self._dropped(),
            delta=self._delta(low),
        )

    def restore(
        self,
        *,
        watermarks: Iterable[tuple[str, int]],
        windows: Iterable[tuple[str, bytes]],
        names: Iterable[tuple[int, bytes]],
        episodes: Iterable[tuple[str, tuple[int, ...]]],
        serial: int,
        settled: int | None,
    ) -> None:
        """Take back the state that the store kept.

        `episodes` are a rule's id and the columns of EPISODE from `serial` to `organization` and `closed`, hashes as
        signed numbers; `serial` is the first number that no episode has.
        """
        self._watermarks.update(watermarks)
        self._serial = serial
        self._settled = _OLDEST if settled is None else settled
        streams = {stream.spec.name: stream for stream in self.plan.streams}
        for name, data in windows:
            if name in streams:
                streams[name].log.restore(data)
        for generation, data in names:
            self.names.restore(generation, data)
        by_rule: dict[str, list[tuple[int, ...]]] = {}
        for rule, numbers in episodes:
            by_rule.setdefault(rule, []).append(numbers)
        for watch in self.plan.every():
            watch.episodes.restore(by_rule.get(watch.rule.id, []))
        for each in self.plan.watches:
            if isinstance(each, TemporalWatch):
                each.resume(self._settled)

    def rows_kept(self) -> int:
        """Count the rows in all windows."""
        return sum(len(stream.log) for stream in self.plan.streams)

    def _batch(self, events: pl.DataFrame, source: str) -> Batch:
        whole = with_fields(with_native(events, self._native), self._fields)
        times = whole.get_column("@timestamp").dt.timestamp("us").to_numpy()
        late, hashes = self._late(times, source), FieldHashes(whole, self._seed)
        return Batch(whole, times, self._selection.matches(whole), late, hashes, _repeats(events))

    def _late(self, times: NDArray[np.int64], source: str) -> NDArray[np.bool_]:
        """Say which events lie more than the lateness behind the latest event of their source before them."""
        before = self._watermarks.get(source, _OLDEST)
        latest = np.maximum(np.maximum.accumulate(times), before)
        self._watermarks[source] = int(latest[-1])
        return np.asarray(times < latest - self._lateness(source))

    def _low(self, source: str) -> int:
        """Return the event time before which nothing is expected any more.

        Sources more than an hour away from the present one are not waited for: they are silent, or history.
        """
        present = self._watermarks.get(source, _OLDEST)
        near = [(name, mark) for name, mark in self._watermarks.items() if abs(mark - present) <= _HOUR]
        return min((mark - self._lateness(name) for name, mark in near), default=present - self._lateness(source))

    def _lateness(self, source: str) -> int:
        return self._lateness_of.get(source, self._lateness_us)

    def _remember_names(self, batch: Batch) -> None:
        used = np.zeros(batch.events.height, dtype=bool)
        for stream in self.plan.streams:
            used[stream.new.event] = True
        at = np.flatnonzero(used)
        for name in CARRIED:
            column = batch.events.get_column(name)
            if column.null_count() < len(column):
                self.names.remember(column, batch.hashes.of(name), at)

    def _advanced(self, each: AnyWatch, earliest: int, settled: int) -> Progress:
        match each:
            case StreamWatch():
                feed = each.feed(earliest) if len(each.stream.groups.keys) else None
            case TemporalWatch():
                feed = each.feed(settled=self._settled)
            case NestedWatch():
                feed = each.feed()
            case _:
                assert_never(each)
        progress = Progress() if feed is None else advance(each.watch, feed, settled=settled)
        if isinstance(each, StreamWatch) and len(each.stream.late.keys):
            return Progress((*progress.openings, *advance_late(each.watch, each.stream.late)), progress.withdrawn)
        return progress

    def _open(self, watch: Watch, openings: tuple[Openings, ...]) -> None:
        """Number what has opened and make it known, and end the earlier episodes of the same keys."""
        for each in openings:
            each.episodes["serial"] = np.arange(self._serial, self._serial + len(each.episodes))
            self._serial += len(each.episodes)
            watch.episodes.open(each.episodes)
        if openings:
            watch.episodes.supersede(np.concatenate([each.episodes["key"] for each in openings]))

    def _episodes(self, low: int, first_serial: int, withdrawn: dict[str, NDArray[np.void]]) -> tuple[Episodic, ...]:
        found = []
        for watch in self.plan.every():
            gone = withdrawn.get(watch.rule.id, _NO_EPISODES)
            if not len(watch.episodes.table) and not len(gone):
                continue
            over = low - watch.span_us - watch.delay_us
            watch.episodes.end(before=over)
            changed = watch.episodes.take_changed()
            if len(changed) or len(gone):
                new = changed["serial"] >= first_serial
                found.append(Episodic(watch.rule, changed.compress(new), changed.compress(~new), gone))
            watch.episodes.forget(ended_before=over - watch.lookback_us)
        return tuple(found)

    def _dropped(self) -> tuple[tuple[str, int], ...]:
        return tuple(
            (name, stream.dropped)
            for stream in self.plan.streams
            if stream.dropped
            for name in self.plan.rules_of(stream)
        )

    def _delta(self, low: int) -> Delta:
        windows, forget = [], []
        for stream in self.plan.streams:
            if (new := stream.log.take_new()) is not None:
                windows.append((stream.spec.name, *new))
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
            settled=self._settled,
        )

    def _turn_names(self, low: int) -> None:
        if self._turned == _OLDEST:
            self._turned = low
        elif low - self._turned > self.plan.longest_us:
            self.names.turn()
            self._turned = low


def _repeats(events: pl.DataFrame) -> NDArray[np.int64] | None:
    """Return for how many equal events each event stands, up to a bound; None where each stands for itself."""
    if "credwatch.repeat" not in events.columns:
        return None
    repeats = events.get_column("credwatch.repeat").fill_null(1).clip(1, _MOST_REPEATS).to_numpy()
    return repeats if (repeats != 1).any() else None
