"""What a correlation has in its window for one event's group, and how much is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

import polars as pl
from msgspec import Struct, field

from credwatch.authoring.reachable import required_parts
from credwatch.authoring.trial import EventTrial, audible, lasting, needed_for, trial_engine
from credwatch.detect.episodes.conclusions import Conclusions
from credwatch.enrich.habits.tellings import repeats
from credwatch.kernel.detection import Detection
from credwatch.rules.model import (
    Correlation,
    CorrelationType,
    EventRule,
    Operator,
    Part,
    PartCondition,
    PartsAll,
    PartsAny,
    PartsNot,
    PartThere,
    RuleSet,
)
from credwatch.rules.thresholds import scoped

_SIGNS = {
    Operator.LESS: "<",
    Operator.LESS_EQUAL: "<=",
    Operator.GREATER: ">",
    Operator.GREATER_EQUAL: ">=",
    Operator.EQUALS: "=",
    Operator.NOT_EQUAL: "differs from",
}


class State(StrEnum):
    """What the event does to a correlation."""

    UNTOUCHED = "untouched"
    """None of its rules matches the event."""
    NO_GROUP = "no_group"
    """The event lacks a field of its group."""
    LATE = "late"
    """The event lies too far behind those before it, and reaches no window."""
    WAITING = "waiting"
    """Something is missing."""
    OPENS = "opens"
    """The event completes it: a detection opens."""
    GOES_ON = "goes_on"
    """The group's detection is open already, and goes on."""


class PartInWindow(Struct, frozen=True):
    """What one rule of a correlation has in the window."""

    rule: str
    """Its name."""
    rows: int
    """Its matches in the window; of a correlation, its episodes that reach into it."""
    last: datetime | None
    """The latest of them, UTC."""


class Window(Struct, frozen=True):
    """A correlation as one event finds it."""

    rule: Correlation
    """The correlation."""
    state: State
    """What the event does to it."""
    group: Mapping[str, str] = field(default_factory=dict)
    """The event's group; where there is none, what is known of it."""
    have: float = 0
    """What the window comes to with the event: matches, distinct values, a number, or required rules that matched."""
    needed: float = 0
    """The least that completes it; 0 where no more is asked for, such as for an average below a bound."""
    asked: str = ""
    """What is asked of it, in words."""
    parts: tuple[PartInWindow, ...] = ()
    """Its rules."""

    @property
    def missing(self) -> float:
        """How much is missing to the least that completes it."""
        return max(0, self.needed - self.have) if self.state is State.WAITING else 0


class WindowHistory:
    """The events before the one that is explained, and that one last, run through the engine."""

    def __init__(self, events: pl.DataFrame, rules: RuleSet, ids: Sequence[str], lateness_us: int) -> None:
        self._rules = audible(needed_for(rules, ids))
        self._events = events
        self._masks = EventTrial(self._rules.events).masks(events)
        engine = trial_engine(self._rules, lateness_us)
        self._before = engine.process(events[:-1])
        self._now = engine.process(events[-1:])
        self._late = events.select(
            pl.col("@timestamp") < pl.col("@timestamp").cum_max() - timedelta(microseconds=lateness_us)
        ).to_series()

    def window(self, rule: Correlation) -> Window:
        """Say what a correlation has in its window, up to and with the last event."""
        rule = scoped(rule, self._value("organization.id") or "", self._value("credwatch.source.id") or "")
        touched = [part for part in rule.parts if self._touches(part)]
        if not touched:
            return Window(rule, State.UNTOUCHED)
        fields = touched[0].group_by
        group = {name: self._value(native) for name, native in zip(rule.group_by, fields, strict=True)}
        values_by_field = {name: value or "" for name, value in group.items()}
        if None in group.values():
            return Window(rule, State.NO_GROUP, values_by_field)
        if self._late[-1]:
            return Window(rule, State.LATE, values_by_field)
        values = [value for value in group.values() if value is not None]
        parts = tuple(self._part(rule, part, values) for part in rule.parts)
        have = self._come_to(rule, values, parts)
        return Window(rule, self._state(rule, values), values_by_field, have, _needed(rule), _asked(rule, parts), parts)

    def _touches(self, part: Part) -> bool:
        """Say whether the last event matches a part, or any rule that the part is made of."""
        if part.rule in self._masks.columns:
            return bool(self._masks[part.rule][-1])
        inner = self._rules.by_id()[part.rule]
        return isinstance(inner, Correlation) and any(self._touches(part) for part in inner.parts)

    def _value(self, name: str) -> str | None:
        value = self._events[name][-1] if name in self._events.columns else None
        return None if value is None else str(value)

    def _rows(self, rule: Correlation, part: Part, values: Sequence[str]) -> pl.DataFrame:
        """Return the matches of a rule over one event in the group and the window; a window is closed at both ends."""
        now = self._events["@timestamp"][-1]
        time = pl.col("@timestamp")
        tests = [
            pl.col(name).cast(pl.String) == value if name in self._events.columns else pl.lit(False)
            for name, value in zip(part.group_by, values, strict=True)
        ]
        span = timedelta(microseconds=rule.timespan_us)
        inside = self._events.filter(self._masks[part.rule] & ~self._late)
        return inside.filter(time.is_between(now - span, now), *tests)

    def _part(self, rule: Correlation, part: Part, values: Sequence[str]) -> PartInWindow:
        inner = self._rules.by_id()[part.rule]
        if isinstance(inner, EventRule):
            rows = self._rows(rule, part, values)
            return PartInWindow(inner.name, _count(rows), rows["@timestamp"].max() if rows.height else None)  # type: ignore[arg-type]  # a Datetime column
        now = self._events["@timestamp"][-1]
        begin = now - timedelta(microseconds=rule.timespan_us)
        lasting = [last for opened, last in self._episodes(inner.id, values) if last >= begin and opened <= now]
        return PartInWindow(inner.name, len(lasting), max(lasting, default=None))

    def _episodes(self, rule_id: str, values: Sequence[str]) -> list[tuple[datetime, datetime]]:
        """Give opening and last event of each detection of a rule in a group of these values."""
        lasts = {episode.serial: episode.last for result in (self._before, self._now) for episode in lasting(result)}
        return [
            (detection.opened_at, lasts.get(detection.serial, detection.opened_at))
            for detection in self._found(rule_id, values)
        ]

    def _found(self, rule_id: str, values: Sequence[str], *results: Conclusions) -> list[Detection]:
        every = (detection for result in results or (self._before, self._now) for detection in result.detections)
        return [
            detection
            for detection in every
            if detection.rule_id == rule_id and [v for _, v in detection.group] == list(values)
        ]

    def _come_to(self, rule: Correlation, values: Sequence[str], parts: Sequence[PartInWindow]) -> float:
        if rule.type.in_time:
            return sum(parts[place].rows > 0 for place in required_parts(rule))
        if rule.type is CorrelationType.EVENT_COUNT:
            return sum(part.rows for part in parts)
        matches = [self._rows(rule, part, values) for part in rule.parts if part.rule in self._masks.columns]
        columns = [rows[rule.field] for rows in matches if rule.field in rows.columns]
        column = pl.concat(columns).drop_nulls() if columns else pl.Series(dtype=pl.Float64)
        return _computed(rule, column)

    def _state(self, rule: Correlation, values: Sequence[str]) -> State:
        """Ask the engine what the event did."""
        if self._found(rule.id, values, self._now):
            return State.OPENS
        open_before = {detection.serial for detection in self._found(rule.id, values, self._before)}
        carried = {episode.serial for episode in lasting(self._now) if not episode.closed}
        return State.GOES_ON if open_before & carried else State.WAITING


def _computed(rule: Correlation, column: pl.Series) -> float:
    """Compute what a correlation asks of the values in its window; values that are no numbers are left out of sums."""
    if rule.type is CorrelationType.VALUE_COUNT:
        return column.n_unique()
    numbers = column.cast(pl.Float64, strict=False).drop_nulls()
    match rule.type:
        case CorrelationType.VALUE_SUM:
            return float(numbers.sum())
        case CorrelationType.VALUE_AVG:
            return _number(numbers.mean())
        case _:
            # The nearest rank, as the engine takes it: the smallest value with that share at or below it.
            rank = max(1, math.ceil(rule.percentile * len(numbers) / 100))
            return _number(numbers.sort()[rank - 1]) if len(numbers) else 0.0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _needed(rule: Correlation) -> float:
    if rule.type.in_time:
        return len(required_parts(rule))
    counts = rule.type in (CorrelationType.EVENT_COUNT, CorrelationType.VALUE_COUNT)
    least = [0.0]
    for bound in rule.bounds:
        if bound.operator in (Operator.GREATER_EQUAL, Operator.EQUALS):
            least.append(bound.number)
        if bound.operator is Operator.GREATER:
            least.append(math.floor(bound.number) + 1 if counts else bound.number)
    return max(least)


def _asked(rule: Correlation, parts: Sequence[PartInWindow]) -> str:
    """Say what is asked of the window."""
    if rule.type.in_time:
        return _in_words(rule.condition, parts) if rule.condition else " and ".join(part.rule for part in parts)
    what = {
        CorrelationType.EVENT_COUNT: "matches",
        CorrelationType.VALUE_COUNT: f"distinct {rule.field}",
        CorrelationType.VALUE_SUM: f"the sum of {rule.field}",
        CorrelationType.VALUE_AVG: f"the average of {rule.field}",
    }.get(rule.type, f"percentile {rule.percentile} of {rule.field}")
    return f"{what} {' and '.join(f'{_SIGNS[bound.operator]} {bound.number:g}' for bound in rule.bounds)}"


def _in_words(condition: PartCondition, parts: Sequence[PartInWindow]) -> str:
    match condition:
        case PartThere(part):
            return parts[part].rule
        case PartsAll(items):
            return " and ".join(_in_words(item, parts) for item in items)
        case PartsAny(items):
            return f"({' or '.join(_in_words(item, parts) for item in items)})"
        case PartsNot(item):
            return f"not {_in_words(item, parts)}"
        case _:
            assert_never(condition)


def _count(rows: pl.DataFrame) -> int:
    """Count matches; a line that stands for several equal events counts as that many."""
    return int(repeats(rows).sum())
