"""What a correlation has in its window for one event's group, and how much is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import polars as pl

from credwatch.app.trial import audible, matching, needed_for, trial_engine
from credwatch.detect.found import Found
from credwatch.kernel.detection import Detection
from credwatch.rules.model import Correlation, CorrelationType, EventRule, Part, RuleSet


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


@dataclass(frozen=True, slots=True)
class PartInWindow:
    """What one rule of a correlation has in the window."""

    rule: str
    """Its name."""
    rows: int
    """Its matches in the window; of a correlation, its episodes that reach into it."""
    last: datetime | None
    """The latest of them, UTC."""


@dataclass(frozen=True, slots=True)
class Window:
    """A correlation as one event finds it."""

    rule: Correlation
    """The correlation."""
    state: State
    """What the event does to it."""
    group: Mapping[str, str] = field(default_factory=dict)
    """The event's group; where there is none, what is known of it."""
    have: int = 0
    """Matches, distinct values or rules in the window, the event's own included."""
    needed: int = 0
    """How many complete it."""
    parts: tuple[PartInWindow, ...] = ()
    """Its rules."""

    @property
    def missing(self) -> int:
        """How much is missing."""
        return max(0, self.needed - self.have) if self.state is State.WAITING else 0


class History:
    """The events before the one that is explained, and that one last, run through the engine."""

    def __init__(self, events: pl.DataFrame, rules: RuleSet, ids: Sequence[str], lateness_us: int) -> None:
        self._rules = audible(needed_for(rules, ids))
        self._events = events
        self._masks = matching(self._rules.events, events)
        engine = trial_engine(self._rules, lateness_us)
        self._before = engine.process(events[:-1], "explained")
        self._now = engine.process(events[-1:], "explained")
        self._late = events.select(
            pl.col("@timestamp") < pl.col("@timestamp").cum_max() - timedelta(microseconds=lateness_us)
        ).to_series()

    def window(self, rule: Correlation) -> Window:
        """Say what a correlation has in its window, up to and with the last event."""
        touched = [part for part in rule.parts if self._touches(part)]
        if not touched:
            return Window(rule, State.UNTOUCHED)
        fields = touched[0].group_by
        group = {name: self._value(native) for name, native in zip(rule.group_by, fields, strict=True)}
        told = {name: value or "" for name, value in group.items()}
        if None in group.values():
            return Window(rule, State.NO_GROUP, told)
        if self._late[-1]:
            return Window(rule, State.LATE, told)
        values = [value for value in group.values() if value is not None]
        parts = tuple(self._part(rule, part, values) for part in rule.parts)
        have, needed = self._counted(rule, values, parts)
        return Window(rule, self._state(rule, values), told, have, needed, parts)

    def _touches(self, part: Part) -> bool:
        """Say whether the last event matches a part, or any rule that the part is made of."""
        if part.rule in self._masks.columns:
            return bool(self._masks[part.rule][-1])
        inner = self._rules.by_id()[part.rule]
        return isinstance(inner, Correlation) and any(self._touches(each) for each in inner.parts)

    def _value(self, name: str) -> str | None:
        value = self._events[name][-1] if name in self._events.columns else None
        return None if value is None else str(value)

    def _rows(self, rule: Correlation, part: Part, values: Sequence[str]) -> pl.DataFrame:
        """Return the matches of a rule over one event in the group and the window; a window is closed at both ends."""
        now = self._events["@timestamp"][-1]
        time = pl.col("@timestamp")
        wanted = [
            pl.col(name).cast(pl.String) == value if name in self._events.columns else pl.lit(False)
            for name, value in zip(part.group_by, values, strict=True)
        ]
        span = timedelta(microseconds=rule.timespan_us)
        inside = self._events.filter(self._masks[part.rule] & ~self._late)
        return inside.filter(time.is_between(now - span, now), *wanted)

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
        updates = (*self._before.updates, *self._now.updates)
        lasts = {update.detection_id: update.last_at for update in updates}
        return [(each.opened_at, lasts.get(each.id, each.opened_at)) for each in self._found(rule_id, values)]

    def _found(self, rule_id: str, values: Sequence[str], *found: Found) -> list[Detection]:
        every = (detection for each in found or (self._before, self._now) for detection in each.detections)
        return [each for each in every if each.rule_id == rule_id and [v for _, v in each.group] == list(values)]

    def _counted(self, rule: Correlation, values: Sequence[str], parts: Sequence[PartInWindow]) -> tuple[int, int]:
        if rule.type is CorrelationType.EVENT_COUNT:
            return sum(part.rows for part in parts), rule.threshold
        if rule.type is CorrelationType.VALUE_COUNT:
            rows = pl.concat([self._rows(rule, part, values) for part in rule.parts])
            known = rule.field in rows.columns
            return rows[rule.field].drop_nulls().n_unique() if known else 0, rule.threshold
        return sum(part.rows > 0 for part in parts), len(parts)

    def _state(self, rule: Correlation, values: Sequence[str]) -> State:
        """Ask the engine what the event did."""
        if self._found(rule.id, values, self._now):
            return State.OPENS
        open_before = {each.id for each in self._found(rule.id, values, self._before)}
        carried = {update.detection_id for update in self._now.updates if not update.closed}
        return State.GOES_ON if open_before & carried else State.WAITING


def _count(rows: pl.DataFrame) -> int:
    """Count matches; a line that stands for several equal events counts as that many."""
    if "credwatch.repeat" not in rows.columns:
        return rows.height
    return int(rows["credwatch.repeat"].fill_null(1).sum())
