"""Answers, for a stream of JSON events, which rules each of them matches, and which detections it opens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import polars as pl

from credwatch.authoring.choice import RuleChoice
from credwatch.authoring.json_events import BEGINNING, frame_of, read_event
from credwatch.authoring.trial import EventTrial, needed_for, trial_engine
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.detection import Detection
from credwatch.rules.model import EventRule


class Matcher:
    """Holds lines against the chosen rules, in their order; with `correlate`, windows go on from line to line.

    The rules chosen are answered for; those they refer to are evaluated too. Raises RuleError as `plan_for` does.
    """

    def __init__(self, choice: RuleChoice, *, correlate: bool, lateness_us: int) -> None:
        chosen_rules = choice.asked()
        self._trial = EventTrial(rule for rule in chosen_rules if isinstance(rule, EventRule))
        self._asked = {rule.id for rule in chosen_rules}
        self._shadow = {rule.id for rule in chosen_rules if rule.shadow}
        needed = needed_for(choice.rules, self._asked)
        self._engine = trial_engine(needed, lateness_us) if correlate else None
        self._number = 0
        self._latest = BEGINNING

    def answers(self, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        """Answer each line: its number and the ids that match, or what is wrong with it; JSON values only."""
        events = [read_event(line) for line in lines]
        good = [event for event in events if not event.error]
        answered = iter(self._answered(frame_of(good, self._latest)) if good else ())
        answers: list[dict[str, Any]] = []
        for event in events:
            self._number += 1
            answer = {"error": event.error} if event.error else next(answered)
            answers.append({"line": self._number, **answer})
        return answers

    def _answered(self, events: pl.DataFrame) -> Iterator[dict[str, Any]]:
        """Answer each event of a frame, in order."""
        matches = self._matches(events)
        self._latest = events["@timestamp"][-1]
        opened = self._opened(events) if self._engine is not None else {}
        for at, names in enumerate(matches):
            answer: dict[str, Any] = {"matches": names}
            if self._engine is not None:
                answer["detections"] = [_described(detection) for detection in opened.get(at, [])]
            if shadow := sorted(self._shadow.intersection(names)):
                answer["shadow"] = shadow
            yield answer

    def _matches(self, events: pl.DataFrame) -> list[list[str]]:
        """List the rules that each event matches, rule by rule: nearly all match nearly nothing."""
        matches: list[list[str]] = [[] for _ in range(events.height)]
        for name, rows in self._trial.rows(events).items():
            for at in rows.tolist():
                matches[at].append(name)
        return matches

    def _opened(self, events: pl.DataFrame) -> dict[int, list[Detection]]:
        """Give the detections that events open, by the place of the event that completes each.

        All events are held against the rules at once: one by one they would cost a hundred times as much.
        """
        assert self._engine is not None
        opened: dict[int, list[Detection]] = {}
        detections = [it for it in self._engine.process(events).detections if it.rule_id in self._asked]
        for place, detection in zip(_places(detections, events), detections, strict=True):
            opened.setdefault(place, []).append(detection)
        return opened


def _places(detections: Sequence[Detection], events: pl.DataFrame) -> Iterator[int]:
    """Find the event that completes each detection: of its moment and, of several, the last of its group.

    What is decided only when later events have come is given to the last of them.
    """
    moments = pl.Series([detection.opened_at for detection in detections], dtype=events["@timestamp"].dtype)
    then = events.with_row_index().filter(pl.col("@timestamp").is_in(moments.implode()))
    last_of = cache(partial(_last_places, then))
    for detection in detections:
        group = {name: value for name, value in detection.group if name in events.columns}
        mine = last_of(tuple(group)).get((*group.values(), detection.opened_at))
        yield last_of(()).get((detection.opened_at,), events.height - 1) if mine is None else mine


def _last_places(events: pl.DataFrame, names: tuple[str, ...]) -> dict[tuple[object, ...], int]:
    """Say for each value of some fields, as text, and each moment which event is the last with them."""
    keys = events.select(pl.col(names).cast(pl.String), "@timestamp")
    return dict(zip(keys.iter_rows(), events["index"], strict=True))


def _described(detection: Detection) -> dict[str, Any]:
    return {
        "rule": detection.rule_id,
        "title": detection.title,
        "level": detection.level.name.lower(),
        "group": dict(detection.group),
        "opened_at": rfc3339(detection.opened_at),
        "count": detection.count,
        "shadow": detection.shadow,
    }
