"""Rules, events and a stand-in for the store, with which tests drive the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from credwatch.detect.engine import Engine
from credwatch.detect.episodes.conclusions import Conclusions
from credwatch.detect.episodes.episodes import STORED
from credwatch.detect.plan import plan_for
from credwatch.kernel.detection import Consequence, Detection, Level
from credwatch.kernel.dtypes import DTYPES
from credwatch.kernel.fields import BY_NAME
from credwatch.rules.model import (
    Bound,
    Condition,
    Correlation,
    CorrelationType,
    EventRule,
    Operator,
    Part,
    RuleSet,
    Test,
)

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
        "bounds": () if kind.in_time else (Bound(Operator.GREATER_EQUAL, threshold),),
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
    return pl.DataFrame(rows, schema={name: DTYPES[BY_NAME[name].type] for name in names})


def an_engine(rules: RuleSet, **changes: Any) -> Engine:
    """Build an engine of the rules, with a known seed."""
    return Engine(plan_for(rules), seed=SEED, **changes)


class Kept(Struct):
    """What a store would hold after the batches so far."""

    windows: list[tuple[str, int, bytes]] = field(default_factory=list)
    names: list[tuple[int, bytes]] = field(default_factory=list)
    trail: list[bytes] = field(default_factory=list)
    watermarks: dict[str, int] = field(default_factory=dict)
    settled: int | None = None
    episodes: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    detections: dict[int, Detection] = field(default_factory=dict)

    def commit(self, found: Conclusions) -> None:
        """Take what one batch led to."""
        for each in found.detections:
            assert each.id not in {known.id for known in self.detections.values()}, "a detection opens once"
            self.detections[each.serial] = each
        for episodic in found.episodes:
            for row in (*episodic.opened, *episodic.changed):
                columns = {name: int(row[name].astype("i8")) for name in STORED}
                self.episodes[columns["serial"]] = (episodic.rule.id, columns)
            for row in episodic.withdrawn:
                del self.episodes[int(row["serial"])]
                self.detections.pop(int(row["serial"]), None)
        delta = found.delta
        self.windows += delta.windows
        for stream, oldest in delta.forget:
            self.windows = [row for row in self.windows if row[0] != stream or row[1] >= oldest]
        if delta.names:
            self.names.append(delta.names)
        self.trail += [delta.trail] if delta.trail else []
        self.watermarks.update(delta.watermarks)
        self.settled = delta.settled

    def restarted(self, rules: RuleSet) -> Engine:
        """Build a new engine from what is kept."""
        engine = an_engine(rules)
        engine.restore(
            watermarks=self.watermarks.items(),
            windows=[(stream, data) for stream, _, data in self.windows],
            names=self.names,
            episodes=[(rule, tuple(columns.values())) for rule, columns in self.episodes.values()],
            serial=max(self.episodes, default=0) + 1,
            settled=self.settled,
            trail=self.trail,
        )
        return engine

    def outcome(self) -> dict[str, tuple[Any, ...]]:
        """Tell every detection with its last event and count; whether it has ended yet is a matter of the clock."""
        return {
            detection.id: (
                replace(detection, serial=0),
                *(self.episodes[serial][1][name] for name in ("last", "count")),
            )
            for serial, detection in self.detections.items()
        }

    def facts(self) -> set[tuple[Any, ...]]:
        """Tell of every episode what does not depend on the order in which its rows came."""
        told = ("key", "opened", "last", "count")
        return {(rule, *(columns[name] for name in told)) for rule, columns in self.episodes.values()}

    def last_counts(self) -> dict[str, int]:
        """Tell the count of each detection as it is now."""
        return {detection.id: self.episodes[serial][1]["count"] for serial, detection in self.detections.items()}


def changed_in(found: Conclusions) -> list[tuple[int, int, bool]]:
    """Tell number, count and end of the earlier episodes that a batch changed."""
    return [
        (int(row["serial"]), int(row["count"]), bool(row["closed"])) for each in found.episodes for row in each.changed
    ]


def found_in(
    rules: RuleSet, events: Sequence[dict[str, Any]], *, cuts: Iterable[int] = (), restart: bool = False
) -> Kept:
    """Run events through an engine in batches that end at the cuts; with `restart`, each batch meets a new engine."""
    engine, kept = an_engine(rules), Kept()
    edges = [0, *sorted(cut for cut in set(cuts) if 0 < cut < len(events)), len(events)]
    for begin, end in pairwise(edges):
        kept.commit(engine.process(a_frame(events[begin:end])))
        engine = kept.restarted(rules) if restart else engine
    return kept
