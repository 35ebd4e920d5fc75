"""Measures, plans, and a store with a governor, for the tests of enforcement: valid by default."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from builders_outbox import NOON, a_detection, an_incident, some_facts
from credwatch.incidents.grouping import key_of
from credwatch.kernel.command import Command
from credwatch.kernel.detection import Consequence, Detection
from credwatch.kernel.incident import ChangeKind, IncidentChange
from credwatch.kernel.measure import Measure, MeasureAction
from credwatch.pipeline.enforcing import enforce
from credwatch.workflows.enforcement import Enforcement, EnforcementPlan, carry_out, take_back
from credwatch.workflows.facts import Facts
from credwatch.workflows.governor import Governor, MeasureCaps

HOUR = timedelta(hours=1)


def a_plan(*actions: MeasureAction, **changes: Any) -> EnforcementPlan:
    """Build a plan that locks accounts that were taken over, for an hour, and does it."""
    plan = EnforcementPlan(
        name="takeover",
        actions=actions or (MeasureAction.LOCK_ACCOUNT,),
        channel="portal",
        incidents=("account_takeover",),
        dry=False,
    )
    return replace(plan, **changes)


def a_measure(**changes: Any) -> Measure:
    """Build a measure that was let go at noon."""
    measure = Measure(
        id="measure-1",
        plan="takeover",
        action=MeasureAction.LOCK_ACCOUNT,
        channel="portal",
        target="lan@tanphat.example",
        organization="tanphat",
        incident="CW-2026-7KQ2M4",
        kind="account_takeover",
        detection="d-1",
        title="Success after guessing",
        proposed_at=NOON,
        lasts=HOUR,
    )
    return replace(measure.let_go(NOON), **changes)


def an_order(*, undo: bool = False, **changes: Any) -> Command:
    """Build the command that carries a measure out, or undoes it."""
    return (take_back if undo else carry_out)(a_measure(**changes), NOON)


def some_governed_facts(*plans: EnforcementPlan, caps: MeasureCaps | None = None, **governor: Any) -> Facts:
    """Build facts with plans and a governor that protects nobody."""
    enforcement = Enforcement(plans or (a_plan(),), Governor(caps=caps or MeasureCaps(), **governor))
    return some_facts(enforcement=enforcement)


def a_takeover(number: int, customer: str = "tanphat", **changes: Any) -> Detection:
    """Build the detection that one account of a customer was taken over."""
    account = f"user{number}@{customer}.example"
    detection = a_detection(
        id=f"d-{customer}-{number}",
        organization=customer,
        subject=account,
        accounts=(account,),
        addresses=(f"203.0.113.{number % 250}",),
        organizations=(customer,),
        serial=number + 1,
    )
    return replace(detection, **changes)


def a_guessing(address: str, **changes: Any) -> Detection:
    """Build the detection that one address guesses passwords."""
    detection = a_detection(
        id=f"d-{address}",
        consequence=Consequence("brute_force", subject="source.ip"),
        organization="",
        subject=address,
        addresses=(address,),
        organizations=(),
    )
    return replace(detection, **changes)


def asked(
    connection: Connection, detections: Iterable[Detection], facts: Facts, now: datetime = NOON, at_home: int = 0
) -> int:
    """Have the governor decide on what detections of a batch ask for."""
    some = list(detections)
    return enforce(connection, some, [_change(it) for it in some], facts, now, lambda _address: at_home)


def _change(detection: Detection) -> IncidentChange:
    kind, organization, subject = key_of(detection)
    number = f"CW-{detection.id}"
    incident = an_incident(number=number, kind=kind, organization=organization, subject=subject)
    return IncidentChange(ChangeKind.OPENED, incident)
