"""The detection engine: events in, detections out, with the state that a restart needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import assert_never

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.detect.count.limits import seeded
from credwatch.detect.count.nested import NestedWatch
from credwatch.detect.counted import Witness
from credwatch.detect.episodes.advance import Openings, Progress, Watch, advance
from credwatch.detect.episodes.conclusions import Conclusions, Delta, Episodic
from credwatch.detect.episodes.episodes import EPISODE
from credwatch.detect.episodes.evidence import detections_of
from credwatch.detect.in_time.temporal import TemporalWatch
from credwatch.detect.plan import AnyWatch, Plan, StreamWatch
from credwatch.detect.select.expressions import with_fields
from credwatch.detect.select.native import native_paths, with_native
from credwatch.detect.select.selecting import Selection
from credwatch.detect.windows.event_time import BEGINNING, Arrival, EventTime
from credwatch.detect.windows.keys import FieldHashes
from credwatch.detect.windows.latest import NEVER
from credwatch.detect.windows.names import Names
from credwatch.detect.windows.rows import CARRIED
from credwatch.detect.windows.streams import SOURCE_FIELD, StreamBatch
from credwatch.detect.windows.trail import Trail
from credwatch.enrich.habits.tellings import repeats
from credwatch.kernel.detection import Detection
from credwatch.rules.model import RuleDocument
from credwatch.rules.versions import behind

_NO_EPISODES = np.empty(0, EPISODE)


class Engine:
    """Holds compiled rules, their windows and their episodes.

    `process` is to be called with the batches of all logs, one after the other, and what its answer says of
    episodes and state to be stored in the same transaction as everything else the batch caused. Not thread-safe.
    """

    def __init__(self, plan: Plan, *, seed: int, lateness_us: int = 10_000_000) -> None:
        self.plan = plan
        self.names = Names()
        self.trail = Trail()
        self._witness = Witness(plan, self.trail)
        self.time = EventTime(lateness_us)
        self._seed = seed
        self._serial = 1
        self._turned = BEGINNING
        self._selection = Selection(plan.rules.events)
        self._native = native_paths(plan.rules)
        values = {stream.spec.value for stream in plan.streams if stream.spec.value}
        sources = {SOURCE_FIELD for stream in plan.streams if stream.spec.sources}
        self._fields = frozenset({"@timestamp", *CARRIED, *values, *sources})
        for watch in plan.every():
            watch.aggregate = seeded(watch.aggregate, seed)

    def process(self, events: pl.DataFrame, arrival: Arrival | None = None) -> Conclusions:
        """Hold a batch of enriched events against every rule.

        Where nothing is said of their arrival, the events are those of one log, and no more of it waits.
        Events that come later than the lateness allows are counted, and count in windows with what those still hold.
        """
        if not events.height:
            return Conclusions()
        batch = self._batch(events)
        earliest = int(batch.times.min())
        arrival = arrival or Arrival({"": int(batch.times.max())})
        floor_before, settled_before = self.time.floor, self.time.settled
        if self.time.take(arrival):
            self._give_up_after(arrival.bound)
        for stream in self.plan.streams:
            stream.take(batch)
        self._remember_names(batch)
        # 1. Note what rows that come out of order may change, before anything changes.
        for watch in self.plan.watches:
            if not isinstance(watch, StreamWatch):
                watch.look_back(earliest)
        # 2. Carry every rule on, each behind those it refers to.
        first_serial = self._serial
        opened: list[tuple[AnyWatch, Openings]] = []
        withdrawn: dict[str, NDArray[np.void]] = {}
        for watch in self.plan.watches:
            progress = self._advanced(watch, earliest, settled_before, floor_before)
            self._open(watch.watch, progress.openings)
            opened += [(watch, openings) for openings in progress.openings if watch.watch.rule.alone]
            withdrawn[watch.watch.rule.id] = progress.withdrawn
        self.trail.take(batch, self._witness.streams)
        bare_detections = detections_of([(watch.watch, openings) for watch, openings in opened], batch, self.names)
        detections = self._witness.witnessed(bare_detections, opened)
        # 3. End what has ended, and hand out what the store must know.
        episodes = self._episodes(self.time.floor, first_serial, withdrawn)
        for stream in self.plan.streams:
            stream.keep(oldest=floor_before - stream.log.retention_us)
        return Conclusions(
            detections=tuple(sorted(detections, key=attrgetter("opened_at", "id"))),
            episodes=episodes,
            documents=self._documents(detections),
            late=_by_source(events, batch.times < settled_before),
            evaluations=events.height * len(self.plan.rules.events),
            dropped=self._dropped(),
            delta=self._delta(arrival),
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
        trail: Sequence[bytes] = (),
        bound: int = NEVER,
    ) -> None:
        """Take back the state that the store kept; event times later than `bound` are not believed.

        `episodes` are a rule's id and the columns of EPISODE from `serial` to `organization` and `closed`, hashes as
        signed numbers; `serial` is the first number that no episode has.
        """
        self.time.restore(watermarks, settled, bound=bound)
        self._serial = serial
        streams = {stream.spec.name: stream for stream in self.plan.streams}
        for name, data in windows:
            if name in streams:
                streams[name].log.restore(data)
        for generation, data in names:
            self.names.restore(generation, data)
        self.trail.restore(trail)
        by_rule: dict[str, list[tuple[int, ...]]] = {}
        for rule, numbers in episodes:
            by_rule.setdefault(rule, []).append(numbers)
        for watch in self.plan.every():
            watch.episodes.restore(by_rule.get(watch.rule.id, []))
        self._give_up_after(bound)
        for waiting in self.plan.watches:
            if isinstance(waiting, TemporalWatch):
                waiting.resume(self.time.settled)

    def rows_kept(self) -> int:
        """Count the rows in all windows."""
        return sum(len(stream.log) for stream in self.plan.streams)

    def _batch(self, events: pl.DataFrame) -> StreamBatch:
        whole = with_fields(with_native(events, self._native), self._fields)
        times = whole.get_column("@timestamp").dt.timestamp("us").to_numpy()
        return StreamBatch(
            whole, times, self._selection.matches(whole), FieldHashes(whole, self._seed), _repeats(events)
        )

    def _give_up_after(self, bound: int) -> None:
        """Let go of what lies ahead of the time of reading: it was told by a clock that has been put right since.

        Its rows would never grow old, and its episodes would take the place of what happens now.
        """
        self._turned = min(self._turned, bound)
        for stream in self.plan.streams:
            stream.log.forget_after(bound)
        for watch in self.plan.every():
            watch.episodes.end_after(bound)

    def _remember_names(self, batch: StreamBatch) -> None:
        used = np.zeros(batch.events.height, dtype=bool)
        for stream in self.plan.streams:
            used[stream.new.event] = True
        at = np.flatnonzero(used)
        for name in CARRIED:
            column = batch.events.get_column(name)
            if column.null_count() < len(column):
                self.names.remember(column, batch.hashes.of(name), at)

    def _advanced(self, watch: AnyWatch, earliest: int, settled: int, floor: int) -> Progress:
        match watch:
            case StreamWatch():
                feed = watch.feed(earliest) if len(watch.stream.groups.keys) else None
            case TemporalWatch():
                feed = watch.feed(settled=self.time.settled, oldest=floor - self.time.lateness_us)
            case NestedWatch():
                feed = watch.feed()
            case _:
                assert_never(watch)
        return Progress() if feed is None else advance(watch.watch, feed, settled=settled)

    def _open(self, watch: Watch, openings: tuple[Openings, ...]) -> None:
        """Number what has opened and make it known, and end the earlier episodes of the same keys."""
        for part in openings:
            part.episodes["serial"] = np.arange(self._serial, self._serial + len(part.episodes))
            self._serial += len(part.episodes)
            watch.episodes.open(part.episodes)
        if openings:
            watch.episodes.supersede(np.concatenate([part.episodes["key"] for part in openings]))

    def _episodes(self, floor: int, first_serial: int, withdrawn: dict[str, NDArray[np.void]]) -> tuple[Episodic, ...]:
        tables = []
        for watch in self.plan.every():
            gone = withdrawn.get(watch.rule.id, _NO_EPISODES)
            if not len(watch.episodes.table) and not len(gone):
                continue
            over = floor - watch.span_us - watch.delay_us
            watch.episodes.end(before=over)
            changed = watch.episodes.take_changed()
            if len(changed) or len(gone):
                new = changed["serial"] >= first_serial
                tables.append(Episodic(watch.rule, changed.compress(new), changed.compress(~new), gone))
            watch.episodes.forget(ended_before=over - watch.lookback_us)
        return tuple(tables)

    def _documents(self, detections: Iterable[Detection]) -> tuple[RuleDocument, ...]:
        ids = dict.fromkeys(detection.rule_id for detection in detections if detection.is_consequential)
        return tuple(document for id_ in ids for document in behind(self.plan.rules, id_))

    def _dropped(self) -> tuple[tuple[str, int], ...]:
        return tuple(
            (name, stream.dropped)
            for stream in self.plan.streams
            if stream.dropped
            for name in self.plan.rules_of(stream)
        )

    def _delta(self, arrival: Arrival) -> Delta:
        windows, forget, floor = [], [], self.time.floor
        for stream in self.plan.streams:
            if (new := stream.log.take_new()) is not None:
                windows.append((stream.spec.name, *new))
            oldest = floor - stream.log.retention_us
            if stream.log.forget(oldest=oldest):
                forget.append((stream.spec.name, oldest))
        names, (trail, trail_lines) = self.names.take_new(), self.trail.settle()
        self._turn_names(floor)
        return Delta(
            windows=tuple(windows),
            forget=tuple(forget),
            names=(self.names.generation, names) if names else None,
            trail=trail,
            trail_lines=trail_lines,
            watermarks=tuple(arrival.marks.items()),
            settled=self.time.settled,
        )

    def _turn_names(self, floor: int) -> None:
        if self._turned == BEGINNING:
            self._turned = floor
        elif floor - self._turned > self.plan.longest_us:
            self.names.turn()
            self._turned = floor


def _repeats(events: pl.DataFrame) -> NDArray[np.int64] | None:
    """Return for how many equal events each event stands, up to a bound; None where each stands for itself."""
    numbers = repeats(events)
    return numbers if (numbers != 1).any() else None


def _by_source(events: pl.DataFrame, chosen: NDArray[np.bool_]) -> dict[str, int]:
    """Count the chosen events by the source that delivered them."""
    if not chosen.any():
        return {}
    if "credwatch.source.id" not in events.columns:
        return {"": int(np.count_nonzero(chosen))}
    return dict(Counter(events["credwatch.source.id"].filter(pl.Series(chosen)).to_list()))
