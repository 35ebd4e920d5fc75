"""The plan: which streams and watches a rule set needs, shared where rules agree."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.detect.count.aggregates import AtLeast, AtLeastDistinct
from credwatch.detect.count.limits import Scoped, aggregate_within_limits
from credwatch.detect.count.nested import Counted, NestedWatch
from credwatch.detect.episodes.advance import Feed, Watch
from credwatch.detect.in_time.parts import Lasting, Plain
from credwatch.detect.in_time.temporal import Nested, TemporalPart, TemporalWatch
from credwatch.detect.windows.rows import CARRIED
from credwatch.detect.windows.streams import Stream, StreamSpec
from credwatch.detect.windows.views import View
from credwatch.detect.windows.windows import Caps, WindowLog
from credwatch.kernel.errors import RuleError
from credwatch.rules.model import Correlation, CorrelationType, EventRule, Part, RuleSet

_NUMERIC = (CorrelationType.VALUE_SUM, CorrelationType.VALUE_AVG, CorrelationType.VALUE_PERCENTILE)


class StreamWatch(Struct, frozen=True, eq=False):
    """A rule over one event, or a count of events, at work."""

    watch: Watch
    """Its episodes."""
    stream: Stream
    """Its rows."""

    def feed(self, earliest: int) -> Feed:
        """Carry on what the batch's rows just carry on, and return the rows of the other groups that can matter.

        `earliest` is the time of the batch's first row. A group whose rows all lie behind what is kept, and none of
        which ends the open episode, is done.
        """
        stream, groups, episodes, span_us = self.stream, self.stream.groups, self.watch.episodes, self.watch.span_us
        place = episodes.carried_on(groups.keys, groups.began, span_us)
        done = (place >= 0) & (groups.began >= stream.log.latest) & (groups.widest <= span_us)
        episodes.extend(place[done], groups.ended[done], groups.added[done])
        is_needed = ~done & ((episodes.latest(groups.keys) >= 0) | self._may_open())
        if not is_needed.any():
            return Feed(View.empty())
        return Feed.of(stream.view(is_needed, since=earliest - span_us), ties=not self.watch.aggregate.monotone)

    def _may_open(self) -> NDArray[np.bool_]:
        """Say for which groups of the batch a condition may complete that has not before."""
        match self.watch.aggregate:
            case AtLeast(threshold):
                return self.stream.known() >= threshold
            case Scoped(least=threshold):
                return self.stream.known() >= threshold
            case AtLeastDistinct(threshold, column):
                return (self.stream.known() >= threshold) & self.stream.has_new(column)
            case _:
                return np.ones(len(self.stream.groups.keys), bool)


AnyWatch = StreamWatch | TemporalWatch | NestedWatch


class Plan(Struct, frozen=True, eq=False):
    """Everything an engine evaluates, built once at load."""

    rules: RuleSet
    """The rules."""
    streams: tuple[Stream, ...]
    """The streams they share."""
    watches: tuple[AnyWatch, ...]
    """The rules at work, each behind those it refers to."""
    longest_us: int
    """The longest time any row is kept, microseconds of event time."""

    def every(self) -> Iterator[Watch]:
        """Give the episodes of every rule."""
        return (watch.watch for watch in self.watches)

    def rules_of(self, stream: Stream) -> tuple[str, ...]:
        """Give the titles of the rules that look at a stream."""
        direct = {watch.watch.rule.title for watch in self.watches if _looks_at(watch, stream)}
        return tuple(sorted(direct))


def plan_for(rules: RuleSet, *, lateness_us: int = 10_000_000, caps: Caps | None = None) -> Plan:
    """Build the plan of a rule set; raises RuleError where a correlation refers to what it cannot follow."""
    return _Builder(rules, lateness_us, caps or Caps()).plan()


def _looks_at(watch: AnyWatch, stream: Stream) -> bool:
    match watch:
        case StreamWatch():
            return watch.stream is stream
        case TemporalWatch():
            return any(not isinstance(part, Nested) and part.stream is stream for part in watch.parts)
        case NestedWatch():
            return False


class _Builder:
    def __init__(self, rules: RuleSet, lateness_us: int, caps: Caps) -> None:
        self._rules = rules
        self._caps = caps
        self._by_id = rules.by_id()
        self._lateness_us = lateness_us
        self._streams: dict[StreamSpec, Stream] = {}
        self._built: dict[str, AnyWatch] = {}
        self._under_way: list[str] = []

    def plan(self) -> Plan:
        for event_rule in self._rules.events:
            if event_rule.alone:
                self._built[event_rule.id] = self._single(event_rule)
        for correlation in self._rules.correlations:
            self._watch_of(correlation)
        longest = max((stream.log.retention_us for stream in self._streams.values()), default=0)
        return Plan(self._rules, tuple(self._streams.values()), tuple(self._built.values()), longest)

    def _watch_of(self, rule: Correlation) -> AnyWatch:
        """Build a correlation behind those it refers to."""
        if rule.id in self._built:
            return self._built[rule.id]
        if rule.id in self._under_way:
            circle = " → ".join(self._by_id[name].name for name in [*self._under_way, rule.id])
            raise RuleError(f"correlations refer to each other: {circle}", where=rule.where, hint="break the circle")
        if not rule.group_by:
            raise RuleError("a correlation needs group-by", where=rule.where, hint="add group-by: [source.ip]")
        self._under_way.append(rule.id)
        built = self._in_time(rule) if rule.type.in_time else self._measuring(rule)
        self._under_way.pop()
        self._built[rule.id] = built
        return built

    def _stream(self, spec: StreamSpec, span_us: int) -> Stream:
        """Return the stream of a spec, kept as long as its longest user needs."""
        stream = self._streams.setdefault(spec, Stream(spec, WindowLog(0, spec.form), self._caps))
        self._keep(stream, span_us)
        return stream

    def _keep(self, stream: Stream, span_us: int) -> None:
        stream.log.retention_us = max(stream.log.retention_us, span_us + self._lateness_us)

    def _keep_parts(self, inner: TemporalWatch, span_us: int) -> None:
        """Keep what a correlation in time rests on for so long that it can be asked what it was a span ago."""
        span_us += inner.watch.span_us
        for part in inner.parts:
            match part:
                case Nested(inner=deeper):
                    deeper.watch.lookback_us = max(deeper.watch.lookback_us, span_us + self._lateness_us)
                    self._keep_parts(deeper, span_us)
                case Lasting(watch=watch):
                    watch.lookback_us = max(watch.lookback_us, span_us + self._lateness_us)
                    self._keep(part.stream, span_us)
                case Plain():
                    self._keep(part.stream, span_us)

    def _single(self, rule: EventRule) -> StreamWatch:
        spec = StreamSpec(parts=((rule.id, rule.group_by),), empty_groups=True)
        watch = Watch(rule, rule.group_by, rule.quiet_us, AtLeast(1))
        return StreamWatch(watch, self._stream(spec, rule.quiet_us))

    def _measuring(self, rule: Correlation) -> StreamWatch | NestedWatch:
        over_events = [isinstance(self._by_id[part.rule], EventRule) for part in rule.parts]
        watch = Watch(rule, rule.parts[-1].group_by, rule.timespan_us, aggregate_within_limits(rule))
        if not any(over_events):
            return self._nested(rule, watch)
        if not all(over_events):
            raise RuleError(
                f"{rule.type} over events and correlations at once is not supported",
                where=rule.where,
                hint="count the events by a correlation of their own, and refer to that",
            )
        numeric = rule.type in _NUMERIC
        value = rule.field if numeric or rule.field not in CARRIED else ""
        parts = tuple((part.rule, part.group_by) for part in rule.parts)
        sources = any(limit.source for limit in rule.limits)
        return StreamWatch(watch, self._stream(StreamSpec(parts, value, numeric, sources=sources), rule.timespan_us))

    def _nested(self, rule: Correlation, watch: Watch) -> NestedWatch:
        if rule.type is not CorrelationType.EVENT_COUNT and (
            rule.type is not CorrelationType.VALUE_COUNT or rule.field not in CARRIED
        ):
            names = ", ".join(CARRIED)
            raise RuleError(
                f"{rule.type} of {rule.field!r} over correlations is not supported",
                where=rule.where,
                hint=f"use event_count, or value_count of {names}",
            )
        parts = tuple(self._counted(rule, part) for part in rule.parts)
        for part in parts:
            part.watch.lookback_us = max(part.watch.lookback_us, rule.timespan_us + self._lateness_us)
        return NestedWatch(watch, parts)

    def _counted(self, rule: Correlation, part: Part) -> Counted:
        inner = self._inner(rule, part.rule)
        same = inner.watch.rule.group_by == part.group_by or inner.watch.fields == part.group_by
        if not same and not set(part.group_by) <= set(CARRIED):
            names = ", ".join(CARRIED)
            raise RuleError(
                f"{inner.watch.rule.title!r} groups by other fields",
                where=rule.where,
                hint=f"use its group-by, or fields among {names}",
            )
        columns = () if same else tuple(CARRIED[name] for name in part.group_by)
        return Counted(inner.watch, partial(_all_began, inner), columns)

    def _inner(self, rule: Correlation, reference: str) -> AnyWatch:
        target = self._by_id[reference]
        assert isinstance(target, Correlation)
        inner = self._watch_of(target)
        if isinstance(inner, TemporalWatch) and inner.waits:
            raise RuleError(
                f"{target.title!r} is decided only after its timespan, so nothing can be built on it",
                where=rule.where,
                hint="refer to its parts instead",
            )
        return inner

    def _in_time(self, rule: Correlation) -> TemporalWatch:
        waits = rule.condition is not None
        span_us = rule.timespan_us * (2 if waits else 1)
        parts = tuple(self._part(rule, part, span_us) for part in rule.parts)
        follows = tuple(part.watch for part in parts if isinstance(part, Lasting))
        watch = Watch(
            rule,
            rule.parts[-1].group_by,
            rule.timespan_us,
            aggregate_within_limits(rule),
            follows=follows,
            told_apart=True,
        )
        ordered = rule.type is CorrelationType.TEMPORAL_ORDERED
        temporal = TemporalWatch(watch, parts, ordered, rule.condition)
        watch.delay_us = rule.timespan_us if temporal.waits else 0
        if temporal.waits and not set(watch.fields) <= set(CARRIED):
            names = ", ".join(CARRIED)
            raise RuleError(
                "a correlation with `not` is decided later, when other fields are no longer known",
                where=rule.where,
                hint=f"group by fields among {names}",
            )
        return temporal

    def _part(self, rule: Correlation, part: Part, span_us: int) -> TemporalPart:
        target = self._by_id[part.rule]
        if isinstance(target, EventRule):
            return Plain(self._stream(StreamSpec(parts=((part.rule, part.group_by),)), span_us))
        inner = self._inner(rule, part.rule)
        if len(inner.watch.fields) != len(part.group_by):
            raise RuleError(
                f"{target.title!r} groups by other fields",
                where=rule.where,
                hint="use the same group-by in both",
            )
        inner.watch.lookback_us = max(inner.watch.lookback_us, span_us + self._lateness_us)
        match inner:
            case StreamWatch():
                if rule.condition is not None:  # which of its rows lie within an episode may be asked when all is over
                    self._keep(inner.stream, span_us)
                return Lasting(inner.stream, inner.watch)
            case TemporalWatch():
                self._keep_parts(inner, span_us)
                return Nested(inner)
            case NestedWatch():
                raise RuleError(
                    f"{target.title!r} counts correlations, and cannot be part of a temporal one",
                    where=rule.where,
                    hint="refer to what it counts instead",
                )


def _all_began(inner: AnyWatch) -> NDArray[np.int64]:
    """Return the moments from which the batch may have changed the episodes of a correlation."""
    match inner:
        case StreamWatch():
            return inner.stream.groups.began
        case TemporalWatch():
            return inner.began(inner.touched())
        case NestedWatch():
            return np.concatenate([part.began() for part in inner.parts])
