"""A rule in shadow is evaluated, stored, counted and shown, and nothing follows from it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from credwatch.pipeline.pipeline import Knowledge
from credwatch.pipeline.report import BatchResult
from credwatch.rules.model import RuleSet
from credwatch.store.cases.case_list import list_incidents
from credwatch.store.cases.incidents import detections
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.telemetry.metrics import Metrics
from scenarios.lines import app_guessing
from scenarios.pipeline import NOW, a_chunk, a_pipeline, a_store, take, the_knowledge

TAKEOVER = "\n".join(app_guessing(0, "quocbao", "hai-au", "203.0.113.9"))


def in_shadow(rules: RuleSet, *names: str) -> RuleSet:
    """Put the named rules in shadow, or all of them where none is named."""
    return RuleSet(
        tuple(replace(rule, shadow=not names or rule.name in names) for rule in rules.events),
        tuple(replace(rule, shadow=not names or rule.name in names) for rule in rules.correlations),
    )


def after(knowledge: Knowledge, path: Path) -> tuple[BatchResult, list[str], list[str], Counter[bool]]:
    """Carry the takeover through a store: the report, kinds of incidents, messages, and which detections have one."""
    with a_store(path) as database:
        pipeline = a_pipeline(knowledge, database)
        report = take(pipeline, a_chunk(TAKEOVER, source="application"))
        with database.reading() as connection:
            kinds = [incident.kind for incident in list_incidents(connection)]
        messages = [stored.command.workflow for stored in OutboxStore(database).listed()]
        return report, sorted(kinds), messages, stored_with_incident(database)


def stored_with_incident(database: Database) -> Counter[bool]:
    """Count the stored detections by whether they have an incident; rows that only serve correlations left out."""
    with database.reading() as connection:
        rows = connection.execute(select(detections.c.incident).where(detections.c.document != "")).scalars()
        return Counter(bool(number) for number in rows)


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    """Build what the daemon of a site knows."""
    return the_knowledge(tmp_path / "site")


def test_nothing_follows_from_shadow(tmp_path: Path, knowledge: Knowledge) -> None:
    """The same lines give the same detections; those of rules in shadow have no incident, and nobody is told."""
    report, kinds, messages, stored = after(knowledge, tmp_path / "live.sqlite")
    assert ("account_takeover" in kinds, "customer_notice" in messages, stored[True] > 0) == (True, True, True)
    hidden = replace(knowledge, rules=in_shadow(knowledge.rules))
    shadow, none, unsent, kept = after(hidden, tmp_path / "shadow.sqlite")
    assert ([], []) == (none, unsent)
    assert Counter({False: len(shadow.conclusions.detections)}) == kept
    told = {detection.id for detection in report.conclusions.detections}
    assert told <= {detection.id for detection in shadow.conclusions.detections if detection.shadow}


def test_one_rule_in_shadow_leaves_the_others(tmp_path: Path, knowledge: Knowledge) -> None:
    """A correlation still builds upon a rule in shadow, and its own incident opens."""
    hidden = replace(knowledge, rules=in_shadow(knowledge.rules, "brute_force_from_address", "login_attempt_failed"))
    _, before, _, _ = after(knowledge, tmp_path / "live.sqlite")
    _, kinds, messages, _ = after(hidden, tmp_path / "one.sqlite")
    assert ("brute_force" in before, "account_takeover" in kinds) == (True, True)
    assert "customer_notice" in messages


def test_shadow_is_counted_apart(tmp_path: Path, knowledge: Knowledge) -> None:
    """Its detections have a series of their own, there at zero, so that no alert on detections sees them."""
    hidden = replace(knowledge, rules=in_shadow(knowledge.rules))
    report, *_ = after(hidden, tmp_path / "shadow.sqlite")
    metrics = Metrics(clock=lambda: NOW)
    metrics.declare(sources=["servers"], shadow_rules=[("Not seen", "low")])
    metrics.record(report)
    assert len(report.conclusions.detections) == total(metrics.registry, "credwatch_shadow_detections_total")
    assert 0 == total(metrics.registry, "credwatch_detections_total")
    assert 0 == metrics.registry.get_sample_value(
        "credwatch_shadow_detections_total", {"rule": "Not seen", "level": "low"}
    )


def total(registry: CollectorRegistry, name: str) -> float:
    """Add up a counter's series."""
    return sum(sample.value for family in registry.collect() for sample in family.samples if sample.name == name)
