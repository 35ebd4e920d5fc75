"""What detections counted: how many events, since when, and the lines that tell of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import assert_never

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from credwatch.detect.count.nested import NestedWatch
from credwatch.detect.episodes.advance import Openings
from credwatch.detect.episodes.episodes import Table
from credwatch.detect.in_time.parts import Lasting, Plain
from credwatch.detect.in_time.temporal import Nested, TemporalPart, TemporalWatch
from credwatch.detect.plan import AnyWatch, Plan, StreamWatch
from credwatch.detect.windows.event_time import moment
from credwatch.detect.windows.streams import Stream, StreamSpec
from credwatch.detect.windows.trail import Traced, Trail, groups_of
from credwatch.kernel.detection import CountedLine, Detection

KEPT = 20
"""So many lines of one detection are kept: the first ones, and the one that completed it."""


class _RestsOn(Struct, frozen=True, eq=False):
    """Rows that a detection rests on."""

    traced: Traced
    """Those of which there still is a line."""
    in_all: int
    """How many there were."""
    counted: int = 0
    """How many of them were counted; none where they were waited for."""

    @property
    def since(self) -> int | None:
        """When the first happened; None where it is not remembered any more."""
        times = self.traced.entries["time"]
        return int(times[0]) if 0 < self.counted <= len(times) else None


class Witness:
    """Finds what detections counted; to be asked once all rules have been carried over a batch."""

    def __init__(self, plan: Plan, trail: Trail) -> None:
        self._trail = trail
        self._by_rule = {watch.watch.rule.id: watch for watch in plan.watches}
        consequential = [watch for watch in plan.watches if _is_consequential(watch)]
        streams = {stream.spec.name: stream for watch in consequential for stream in self._streams(watch)}
        self.streams = [(_number(stream.spec), stream) for stream in streams.values()]
        """The streams that detections with consequences rest on, each with a number that a restart keeps."""

    def witnessed(
        self, detections: Sequence[Detection], opened: Sequence[tuple[AnyWatch, Openings]]
    ) -> list[Detection]:
        """Add to detections, which stand in the order of the openings, what they counted."""
        places = ((watch, openings, at) for watch, openings in opened for at in range(len(openings.hit)))
        return [
            self._with_lines(detection, *one) if _is_consequential(one[0]) else detection
            for detection, one in zip(detections, places, strict=True)
        ]

    def _with_lines(self, detection: Detection, watch: AnyWatch, openings: Openings, at: int) -> Detection:
        match watch:
            case StreamWatch():
                parts, completing = [self._count(watch, openings, at)], None
            case NestedWatch():
                parts, completing = [self._count_of_correlations(watch, openings, at)], None
            case TemporalWatch():
                key = openings.view.columns.column("value", openings.hit[at : at + 1])[0]
                until = int(openings.view.times[openings.hit[at]])
                parts = [self._of_part(part, key, until, watch.watch.span_us) for part in watch.parts]
                completing = self._completing(watch, key, openings, int(openings.hit[at]))
            case _:
                assert_never(watch)
        return self._told(detection, parts, completing)

    def _told(self, detection: Detection, parts: Sequence[_RestsOn], completing: Traced | None) -> Detection:
        last = self._trail.lines(completing)[-1:] if completing is not None else []
        lines = [line for part in parts for line in self._first(part.traced, last=completing is None)]
        counts = [part for part in parts if part.counted]
        began = [part.since for part in counts]
        first = sorted((line for line in lines if line not in last), key=lambda line: line.at)[: KEPT - len(last)]
        since = None if not began or None in began else moment(min(filter(None, began)))
        return replace(
            detection,
            evidence=(*first, *last),
            occurred_first=min(filter(None, (since, detection.occurred_first))),
            counted=sum(part.counted for part in counts),
            counted_since=since,
            events_in_all=sum(part.in_all for part in parts) + (completing is not None),
        )

    def _first(self, traced: Traced, *, last: bool) -> list[CountedLine]:
        """Return the first lines of rows, and where asked the last one in place of the rest."""
        number = len(traced.entries)
        chosen = np.arange(number) < (KEPT - 1 if last else KEPT)
        if last and number:
            chosen[-1] = True
        return self._trail.lines(traced.where(chosen))

    def _count(self, watch: StreamWatch, openings: Openings, at: int) -> _RestsOn:
        begin, hit = int(openings.begin[at]), int(openings.hit[at])
        number, times = hit - begin + 1, openings.view.times
        traced = self._rows([watch.stream], openings.view.keys[hit], int(times[begin]), int(times[hit]))
        return _RestsOn(traced.where(np.arange(len(traced.entries)) < number), number, number)

    def _count_of_correlations(self, watch: NestedWatch, openings: Openings, at: int) -> _RestsOn:
        """Give the events that completed what was counted, so far as their groups are known."""
        rows = slice(int(openings.begin[at]), int(openings.hit[at]) + 1)
        view, number = openings.view, rows.stop - rows.start
        people = view.columns.column("user")[rows], view.columns.column("address")[rows]
        traces = [self._opening(watch, *row) for row in zip(view.times[rows].tolist(), *people, strict=True)]
        runs = [part.run for part in traces]
        entries = np.concatenate([part.entries for part in traces])
        return _RestsOn(Traced(entries, np.concatenate(runs)), number, number)

    def _opening(self, watch: NestedWatch, time: int, user: np.uint64, address: np.uint64) -> Traced:
        for part in watch.parts:
            table = part.watch.episodes.table
            mine = table[(table["opened"] == time) & (table["user"] == user) & (table["address"] == address)]
            if len(mine):
                streams = list(self._streams(self._by_rule[part.watch.rule.id]))
                return _latest(self._rows(streams, mine["group"][0], time, time))
        return self._rows([], np.uint64(0), time, time)

    def _of_part(self, part: TemporalPart, key: np.uint64, until: int, span_us: int) -> _RestsOn:
        match part:
            case Lasting():
                return self._of_count(part, key, until)
            case Plain(stream=stream):
                latest = _latest(self._rows([stream], key, until - span_us, until - 1))
                return _RestsOn(latest, len(latest.entries))
            case Nested(inner=inner):
                episode = _before(inner.watch.episodes.among(np.array([key])), until)
                if episode is None:
                    return _RestsOn(self._rows([], key, until, until), 0)
                time = int(episode["opened"])
                return _RestsOn(_latest(self._rows(list(self._streams(inner)), key, time, time)), 1)
            case _:
                assert_never(part)

    def _of_count(self, part: Lasting, key: np.uint64, until: int) -> _RestsOn:
        """Give what a count had counted until a moment, which may be more than is still remembered."""
        episode = _before(part.watch.episodes.among(np.array([key])), until)
        if episode is None:
            return _RestsOn(self._rows([], key, until, until), 0)
        opened, last = int(episode["opened"]), int(episode["last"])
        later = self._rows([part.stream], key, until + 1, last)
        counted = int(episode["count"]) - len(later.entries)
        return _RestsOn(self._rows([part.stream], key, opened - part.watch.span_us, until), counted, counted)

    def _completing(self, watch: TemporalWatch, key: np.uint64, openings: Openings, hit: int) -> Traced:
        """Find the line of the completing row: of its moment, and of its account where it has one."""
        time, user = int(openings.view.times[hit]), openings.view.columns.column("user", np.array([hit]))[0]
        rows = self._rows(list(self._streams(watch)), key, time, time)
        mine = rows.where(rows.entries["user"] == user)
        return _latest(mine if watch.ordered or len(mine.entries) else rows)

    def _rows(self, streams: Sequence[Stream], key: np.uint64, since: int, until: int) -> Traced:
        groups = [int(groups_of(_number(stream.spec), np.array([key]))[0]) for stream in streams]
        return self._trail.rows(list(dict.fromkeys(groups)), since, until)

    def _streams(self, watch: AnyWatch) -> Iterator[Stream]:
        match watch:
            case StreamWatch():
                yield watch.stream
            case TemporalWatch():
                for part in watch.parts:
                    yield from self._streams(part.inner) if isinstance(part, Nested) else (part.stream,)
            case NestedWatch():
                for counted in watch.parts:
                    yield from self._streams(self._by_rule[counted.watch.rule.id])
            case _:
                assert_never(watch)


def _is_consequential(watch: AnyWatch) -> bool:
    rule = watch.watch.rule
    return bool(rule.consequence.incident) and not rule.shadow


def _latest(traced: Traced) -> Traced:
    chosen = np.zeros(len(traced.entries), bool)
    chosen[-1:] = True
    return traced.where(chosen)


def _before(episodes: Table, until: int) -> np.void | None:
    """Return the latest episode that had opened at a moment, None where there is none."""
    begun = episodes[episodes["opened"] <= until]
    return begun[int(np.argmax(begun["opened"]))] if len(begun) else None


@lru_cache(maxsize=1024)
def _number(spec: StreamSpec) -> int:
    return int.from_bytes(hashlib.sha256(spec.name.encode()).digest()[:8], "big")
