"""The plan: which streams and watches a rule set needs, shared where rules agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from credwatch.detect.correlate import Lasting, Plain, TemporalPart, Watch
from credwatch.detect.streams import Stream, StreamSpec
from credwatch.detect.windows import CARRIED, WindowLog
from credwatch.kernel.errors import RuleError
from credwatch.rules.model import Correlation, CorrelationType, EventRule, RuleSet

_COUNTING = (CorrelationType.EVENT_COUNT, CorrelationType.VALUE_COUNT)


@dataclass(frozen=True, slots=True)
class TemporalWatch:
    """A temporal correlation at work."""

    watch: Watch
    """Its episodes."""
    parts: tuple[TemporalPart, ...]
    """What it waits for."""
    ordered: bool
    """True where the parts must happen in their order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an engine evaluates, built once at load."""

    rules: RuleSet
    """The rules."""
    streams: tuple[Stream, ...]
    """The streams they share."""
    counting: tuple[tuple[Watch, Stream], ...]
    """Single-event rules and counting correlations, each with its stream."""
    temporal: tuple[TemporalWatch, ...]
    """Temporal correlations."""
    longest_us: int
    """The longest time any row is kept, microseconds of event time."""

    def all_watches(self) -> Iterator[Watch]:
        """Give every watch."""
        yield from (watch for watch, _ in self.counting)
        yield from (temporal.watch for temporal in self.temporal)


def plan_for(rules: RuleSet, *, lateness_us: int = 10_000_000) -> Plan:
    """Build the plan of a rule set; raises RuleError where a correlation refers to what it cannot follow."""
    return _Builder(rules, lateness_us).plan()


class _Builder:
    def __init__(self, rules: RuleSet, lateness_us: int) -> None:
        self._rules = rules
        self._by_id = rules.by_id()
        self._lateness_us = lateness_us
        self._streams: dict[StreamSpec, Stream] = {}
        self._counting: dict[str, tuple[Watch, Stream]] = {}
        self._temporal: list[TemporalWatch] = []

    def plan(self) -> Plan:
        for event_rule in self._rules.events:
            if event_rule.alone:
                self._single(event_rule)
        for correlation in self._rules.correlations:
            if correlation.type in _COUNTING:
                self._count(correlation)
        for correlation in self._rules.correlations:
            if correlation.type not in _COUNTING:
                self._in_time(correlation)
        longest = max((stream.log.retention_us for stream in self._streams.values()), default=0)
        return Plan(
            rules=self._rules,
            streams=tuple(self._streams.values()),
            counting=tuple(self._counting.values()),
            temporal=tuple(self._temporal),
            longest_us=longest,
        )

    def _stream(self, spec: StreamSpec, span_us: int) -> Stream:
        """Return the stream of a spec, kept as long as its longest user needs."""
        stream = self._streams.setdefault(spec, Stream(spec, WindowLog(0)))
        stream.log.retention_us = max(stream.log.retention_us, span_us + self._lateness_us)
        return stream

    def _single(self, rule: EventRule) -> None:
        spec = StreamSpec(parts=((rule.id, rule.group_by),), empty_groups=True)
        watch = Watch(rule=rule, fields=rule.group_by, span_us=rule.quiet_us)
        self._counting[rule.id] = (watch, self._stream(spec, rule.quiet_us))

    def _count(self, rule: Correlation) -> None:
        for part in rule.parts:
            if not isinstance(self._by_id[part.rule], EventRule):
                raise RuleError(
                    f"{rule.type} over the correlation {part.rule!r} is not supported",
                    where=rule.where,
                    hint="refer to event rules, or use temporal",
                )
        if not rule.group_by:
            raise RuleError("a correlation needs group-by", where=rule.where, hint="add group-by: [source.ip]")
        parts = tuple((part.rule, part.group_by) for part in rule.parts)
        value = "" if rule.field in CARRIED else rule.field
        stream = self._stream(StreamSpec(parts, value=value), rule.timespan_us)
        watch = Watch(
            rule=rule,
            fields=rule.parts[0].group_by,
            span_us=rule.timespan_us,
            threshold=rule.threshold,
            counts=CARRIED.get(rule.field, "value") if rule.type is CorrelationType.VALUE_COUNT else "",
        )
        self._counting[rule.id] = (watch, stream)

    def _in_time(self, rule: Correlation) -> None:
        if not rule.group_by:
            raise RuleError("a correlation needs group-by", where=rule.where, hint="add group-by: [user.name]")
        parts = tuple(self._part(rule, part.rule, part.group_by) for part in rule.parts)
        ordered = rule.type is CorrelationType.TEMPORAL_ORDERED
        follows = tuple(part.watch for part in parts if isinstance(part, Lasting))
        watch = Watch(rule=rule, fields=rule.parts[-1].group_by, span_us=rule.timespan_us, follows=follows)
        self._temporal.append(TemporalWatch(watch, parts, ordered))

    def _part(self, rule: Correlation, reference: str, group_by: tuple[str, ...]) -> TemporalPart:
        target = self._by_id[reference]
        if isinstance(target, EventRule):
            return Plain(self._stream(StreamSpec(parts=((reference, group_by),)), rule.timespan_us))
        if reference not in self._counting:
            raise RuleError(
                f"{reference!r} is itself a temporal correlation",
                where=rule.where,
                hint="refer to its parts instead",
            )
        watch, stream = self._counting[reference]
        if len(target.group_by) != len(group_by):
            raise RuleError(
                f"{target.title!r} groups by other fields",
                where=rule.where,
                hint="use the same group-by in both",
            )
        watch.lookback_us = max(watch.lookback_us, rule.timespan_us)
        return Lasting(watch, stream)
