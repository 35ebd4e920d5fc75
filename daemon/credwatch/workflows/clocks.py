"""Legal clocks: the time each duty leaves, and what follows when it is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, LegalClock
from credwatch.kernel.ids import stable_id
from credwatch.kernel.incident import Incident
from credwatch.kernel.moment import Moment
from credwatch.workflows.escalation import EscalationReason, escalate
from credwatch.workflows.facts import Facts, Reaction

UPDATES = {"customer_notice": "customer_update", "breach_report": "breach_update"}
"""The update that each notice promises; its clock is met when the update has been accepted."""


STARTS: Mapping[str, Moment] = {
    "customer_notice": Moment.DETECTED,
    "disclosure_notice": Moment.DETECTED,
    "breach_report": Moment.DETECTED,
    "customer_update": Moment.SENT,
    "breach_update": Moment.SENT,
}
"""The moment at which the clock of each duty starts: the contract's run from knowledge, a promise from its letter."""

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
    starts = STARTS.get(workflow, Moment.DETECTED)
    return LegalClock(identity, workflow, incident, organization, started_at, started_at + limit, starts=starts)


def start_duty(
    workflow: str, incident: Incident, organization: str, limit: timedelta, *, phase: str = "first"
) -> LegalClock:
    """Start the clock of a duty that an incident brings, at the moment that the duty names.

    Where the incident's messages wait for a person, the clock runs as well, and says that they do.
    """
    started_at = _moments(incident)[STARTS[workflow]]
    clock = start(workflow, incident.number, organization, started_at, limit, phase=phase)
    return replace(clock, held=incident.is_held, released_at=incident.released_at)


def _moments(incident: Incident) -> Mapping[Moment, datetime]:
    """Tell the moments of an incident's latest evidence that a duty may start at."""
    return {
        Moment.OCCURRED: incident.occurred_last,
        Moment.RECORDED: incident.recorded_last,
        Moment.DETECTED: incident.detected_last,
    }


def on_tick(
    now: datetime,
    clocks: Iterable[LegalClock],
    facts: Facts,
    time_left: Callable[[LegalClock], timedelta] | None = None,
) -> Reaction:
    """Tell the operators, once, of each running clock that has run out.

    `time_left` tells what a clock has left where somebody measures it better than by `now`, which may have been set.
    Of what is held the operators have been told, and hear in the digest: thousands of clocks would tell nothing more.
    """
    late = [
        clock
        for clock in clocks
        if is_untold(clock) and (time_left(clock) if time_left else clock.alarm_at - now) <= _NOTHING
    ]
    updates = tuple(replace(clock, escalated_at=now) for clock in late)
    commands = tuple(command for clock in late for command in _tell(clock, now, facts))
    return Reaction(commands, updates)


def is_untold(clock: LegalClock) -> bool:
    """Say whether a clock runs that nobody holds, and the operators have not been told that it ran out."""
    is_over = clock.met_at is not None or clock.waived_at is not None
    return not is_over and not clock.held and clock.escalated_at is None


def _tell(clock: LegalClock, now: datetime, facts: Facts) -> tuple[Command, ...]:
    reason = EscalationReason.UPDATE_DUE if clock.workflow in UPDATES.values() else EscalationReason.CLOCK_RAN_OUT
    return escalate(
        facts,
        now,
        reason,
        duty=clock.workflow,
        incident=clock.incident,
        organization=clock.organization,
        phase=clock.id,
        started_at=rfc3339(clock.started_at),
        starts=clock.starts.value,
        due_at=rfc3339(clock.due_at),
    )
