"""Tells the operators of a flood of incidents: once when it comes, with its size, and once when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command
from credwatch.workflows.escalation import EscalationReason, escalate
from credwatch.workflows.facts import Facts

MANY = 100
"""So many incidents within SPAN are a flood; it is over when a tenth of them come within SPAN."""
SPAN = timedelta(minutes=10)


class Flood(Struct, frozen=True, omit_defaults=True):
    """What is remembered of the incidents that were opened lately."""

    recent: tuple[tuple[datetime, int], ...] = ()
    """When incidents were opened within the last SPAN, and how many."""
    began: datetime | None = None
    """When the flood began; None where there is none."""
    incidents: int = 0
    """How many incidents it has brought."""


def on_opened(opened: int, before: Flood, facts: Facts, now: datetime) -> tuple[tuple[Command, ...], Flood]:
    """Take up how many incidents were opened since the last call; say what the operators are told, and what to keep.

    The letter that says that it came is written anew until it leaves, so that it names the latest number.
    """
    recent = tuple((at, count) for at, count in before.recent if abs(now - at) < SPAN)
    recent += ((now, opened),) if opened else ()
    lately = sum(count for _, count in recent)
    if before.began is None:
        if lately < MANY:
            return (), Flood(recent)
        flood = Flood(recent, recent[0][0], lately)
        return _letter(EscalationReason.FLOOD, flood, facts, now), flood
    flood = Flood(recent, before.began, before.incidents + opened)
    if lately < MANY // 10:
        return _letter(EscalationReason.FLOOD_OVER, flood, facts, now), Flood(recent)
    return _letter(EscalationReason.FLOOD, flood, facts, now) if opened else (), flood


def _letter(reason: EscalationReason, flood: Flood, facts: Facts, now: datetime) -> tuple[Command, ...]:
    began = rfc3339(flood.began or now)
    size = {"incidents": flood.incidents, "since": began, "until": rfc3339(now)}
    return escalate(facts, now, reason, duty="", incident="", phase=began, flood=size)
