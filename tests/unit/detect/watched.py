"""Rules, events and a stand-in for the store, with which tests drive the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from credwatch.detect.engine import Engine
from credwatch.detect.expressions import TYPES
from credwatch.detect.found import Found
from credwatch.detect.plan import plan_for
from credwatch.kernel.detection import Consequence, Detection, Level
from credwatch.kernel.fields import BY_NAME
from credwatch.rules.model import Condition, Correlation, CorrelationType, EventRule, Operator, Part, RuleSet, Test

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SECOND = 1_000_000
SEED = 7


def equals(name: str, value: str) -> Test:
    """Test a field for a whole value."""
    return Test(name, Operator.EQUALS, value)


def a_rule(id_: str = "failed", condition: Condition | None = None, **changes: Any) -> EventRule:
    """Build a rule over failures that only serves correlations."""
    given: dict[str, Any] = {
        "id": id_,
        "name": id_,
        "title": id_,
        "level": Level.LOW,
        "tags": (),
        "where": "rules.yml",
        "condition": condition or equals("event.outcome", "failure"),
        "consequence": Consequence(""),
        "group_by": ("user.name",),
        "quiet_us": 60 * SECOND,
        "alone": False,
    }
    return EventRule(**{**given, **changes})


def a_correlation(
    id_: str = "burst",
    kind: CorrelationType = CorrelationType.EVENT_COUNT,
    rules: Sequence[str] = ("failed",),
    group_by: tuple[str, ...] = ("source.ip",),
    seconds: int = 120,
    threshold: int = 3,
    **changes: Any,
) -> Correlation:
    """Build a count of failures from one address within two minutes."""
    given: dict[str, Any] = {
        "id": id_,
        "name": id_,
        "title": id_,
        "level": Level.MEDIUM,
        "tags": ("attack.t1110",),
        "where": "rules.yml",
        "type": kind,
        "parts": tuple(Part(rule, group_by) for rule in rules),
        "group_by": group_by,
        "timespan_us": seconds * SECOND,
        "threshold": threshold,
        "field": "",
        "consequence": Consequence("brute_force", subject="source.ip"),
    }
    return Correlation(**{**given, **changes})


FAILED = a_rule()
SUCCEEDED = a_rule("succeeded", equals("event.outcome", "success"))


def rule_set(*rules: EventRule | Correlation) -> RuleSet:
    """Put rules together."""
    events = tuple(rule for rule in rules if isinstance(rule, EventRule))
    return RuleSet(events, tuple(rule for rule in rules if isinstance(rule, Correlation)))


def an_event(seconds: float = 0, **fields: Any) -> dict[str, Any]:
    """Build a failed login; a double underscore stands for a dot."""
    given = {"event.outcome": "failure", "user.name": "lan", "source.ip": "203.0.113.9"}
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return {"@timestamp": AT + timedelta(seconds=seconds), **given, **named}


def a_frame(events: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Build an events frame."""
    names = dict.fromkeys(name for event in events for name in event)
    rows = [{name: event.get(name) for name in names} for event in events]
    return pl.DataFrame(rows, schema={name: TYPES[BY_NAME[name].type] for name in names})


def an_engine(rules: RuleSet, **changes: Any) -> Engine:
    """Build an engine of the rules, with a known seed."""
    return Engine(plan_for(rules), seed=SEED, **changes)


@dataclass
class Kept:
    """What a store would hold after the batches so far."""

    windows: list[tuple[str, int, bytes]] = field(default_factory=list)
    names: list[tuple[int, bytes]] = field(default_factory=list)
    watermarks: dict[str, int] = field(default_factory=dict)
    sequence: int = 0
    episodes: dict[str, list[Any]] = field(default_factory=dict)
    detections: dict[str, Detection] = field(default_factory=dict)

    def commit(self, found: Found) -> None:
        """Take what one batch led to."""
        for each in found.detections:
            assert each.id not in self.detections, "a detection opens once"
            self.detections[each.id] = each
            opened = _micros(each.opened_at)
            self.episodes[each.id] = [each.rule_id, each.group_key, opened, each.sequence, opened, each.count, False]
        for each in found.serving:
            numbers = [each.group_key, each.opened, each.sequence, each.last, each.count, False]
            self.episodes[each.id] = [each.rule_id, *numbers]
        for update in found.updates:
            self.episodes[update.detection_id][4:] = [_micros(update.last_at), update.count, update.closed]
        delta = found.delta
        self.windows += delta.windows
        for stream, oldest in delta.forget:
            self.windows = [row for row in self.windows if row[0] != stream or row[1] >= oldest]
        if delta.names:
            self.names.append(delta.names)
        self.watermarks.update(delta.watermarks)
        self.sequence = delta.sequence or self.sequence

    def restarted(self, rules: RuleSet) -> Engine:
        """Build a new engine from what is kept."""
        engine = an_engine(rules)
        engine.restore(
            sequence=self.sequence,
            watermarks=self.watermarks.items(),
            windows=[(stream, data) for stream, _, data in self.windows],
            names=self.names,
            episodes=[(row[0], id_, *row[1:]) for id_, row in self.episodes.items()],
        )
        return engine

    def outcome(self) -> dict[str, tuple[Any, ...]]:
        """Tell every detection with its last event and count; whether it has ended yet is a matter of the clock."""
        return {id_: (detection, *self.episodes[id_][4:6]) for id_, detection in self.detections.items()}


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def found_in(
    rules: RuleSet, events: Sequence[dict[str, Any]], *, cuts: Iterable[int] = (), restart: bool = False
) -> Kept:
    """Run events through an engine in batches that end at the cuts; with `restart`, each batch meets a new engine."""
    engine, kept = an_engine(rules), Kept()
    edges = [0, *sorted(cut for cut in set(cuts) if 0 < cut < len(events)), len(events)]
    for begin, end in pairwise(edges):
        kept.commit(engine.process(a_frame(events[begin:end]), "a source"))
        engine = kept.restarted(rules) if restart else engine
    return kept
