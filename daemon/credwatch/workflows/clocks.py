"""Legal clocks: the time each duty leaves, and what follows when it is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, LegalClock
from credwatch.kernel.ids import stable_id
from credwatch.workflows.escalation import Reason, escalate
from credwatch.workflows.facts import Facts, Reaction

UPDATES = {"customer_notice": "customer_update", "breach_report": "breach_update"}
"""The update that each notice promises; its clock is met when the update has been accepted."""


_NOTHING = timedelta()


def start(
    workflow: str,
    incident: str,
    organization: str,
    started_at: datetime,
    limit: timedelta,
    *,
    phase: str = "first",
) -> LegalClock:
    """Start the clock of one duty toward one customer; the same duty has one clock however often started."""
    identity = stable_id("clock", workflow, incident, organization, phase)
    return LegalClock(identity, workflow, incident, organization, started_at, started_at + limit)


def on_tick(
    now: datetime, clocks: Iterable[LegalClock], facts: Facts, left: Callable[[LegalClock], timedelta] | None = None
) -> Reaction:
    """Tell the operators, once, of each running clock that has run out.

    `left` tells what a clock has left where somebody measures it better than by `now`, which may have been set.
    """
    late = [clock for clock in clocks if is_untold(clock) and (left(clock) if left else clock.due_at - now) <= _NOTHING]
    told = tuple(replace(clock, escalated_at=now) for clock in late)
    commands = tuple(command for clock in late for command in _tell(clock, now, facts))
    return Reaction(commands, told)


def is_untold(clock: LegalClock) -> bool:
    """Say whether a clock runs and the operators have not been told that it ran out."""
    return clock.met_at is None and clock.escalated_at is None


def _tell(clock: LegalClock, now: datetime, facts: Facts) -> tuple[Command, ...]:
    reason = Reason.UPDATE_DUE if clock.workflow in UPDATES.values() else Reason.CLOCK_RAN_OUT
    return escalate(
        facts,
        now,
        reason,
        duty=clock.workflow,
        incident=clock.incident,
        organization=clock.organization,
        phase=clock.id,
        started_at=rfc3339(clock.started_at),
        due_at=rfc3339(clock.due_at),
    )
