"""Tells the operators of measures that wait for them, that the governor did not allow, or that failed: once each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command
from credwatch.kernel.measure import Measure
from credwatch.workflows.escalation import EscalationReason, escalate
from credwatch.workflows.facts import Facts
from credwatch.workflows.message import shown


class HeldMeasures(Struct, frozen=True):
    """What the operators were told of measures that wait."""

    since: datetime
    """When the first of them began to wait."""
    named: int
    """How many the latest letter names."""


def on_held_measures(
    waiting: Sequence[Measure], before: HeldMeasures | None, facts: Facts, now: datetime
) -> tuple[tuple[Command, ...], HeldMeasures | None]:
    """Write that measures wait, once until none waits any more; until it leaves, the letter names the latest number."""
    if not waiting:
        return (), None
    if before is not None and before.named >= len(waiting):
        return (), before
    held = HeldMeasures(before.since if before else now, len(waiting))
    first = waiting[0]
    values: dict[str, object] = {
        "measures": len(waiting),
        "plan": shown(", ".join(sorted({measure.plan for measure in waiting}))),
        "grounds": first.grounds.value,
        "until": rfc3339(first.proposed_at + facts.enforcement.governor.patience),
    }
    letters = escalate(
        facts, now, EscalationReason.MEASURES_HELD, duty="", incident="", phase=rfc3339(held.since), enforcement=values
    )
    return letters, held


def on_protected(measure: Measure, facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Write that a measure against what is never touched was asked for: once for each target of an incident."""
    values: dict[str, object] = {
        "measure": measure.id,
        "action": measure.action.value,
        "target": shown(measure.target),
        "plan": shown(measure.plan),
        "note": shown(measure.note),
    }
    return escalate(
        facts,
        now,
        EscalationReason.MEASURE_REFUSED,
        duty="",
        incident=measure.incident,
        organization=measure.organization,
        phase=f"{measure.action} {measure.target}",
        enforcement=values,
    )


def on_failed(command: Command, reply: str, facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Write that a channel does not carry a measure out, or does not undo it."""
    order = command.payload.context
    values: dict[str, object] = {
        "measure": str(order["measure"]),
        "action": command.payload.template,
        "target": shown(str(order["target"])),
        "plan": shown(str(order["plan"])),
        "undo": order["undo"],
        "channel": command.recipient,
        "reply": shown(reply),
    }
    return escalate(
        facts,
        now,
        EscalationReason.MEASURE_FAILED,
        duty="",
        incident=command.incident,
        organization=command.organization,
        phase=command.id,
        enforcement=values,
    )
