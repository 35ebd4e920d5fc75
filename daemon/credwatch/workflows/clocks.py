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
from credwatch.world.regimes import Regime, RegimePhase

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
    contract: Regime | None = None,
) -> LegalClock:
    """Start the clock of one duty toward one customer; the same duty has one clock however often started.

    The contract says what started it, what meets it, and when to warn; the operator's own measure is the limit.
    """
    identity = stable_id("clock", workflow, incident, organization, phase)
    clock = LegalClock(identity, workflow, incident, organization, started_at, started_at + limit)
    terms = contract.phase_of(workflow) if contract else None
    return _under(clock, contract, terms) if contract and terms else clock


def _under(clock: LegalClock, contract: Regime, terms: RegimePhase) -> LegalClock:
    """Note the terms of the contract with a clock."""
    return replace(
        clock,
        starts=terms.starts,
        stops=terms.stops,
        regime=contract.id,
        phase=terms.id,
        regime_version=contract.version,
        soft_at=clock.started_at + (clock.due_at - clock.started_at) * terms.soft,
    )


def start_duty(
    workflow: str, incident: Incident, organization: str, limit: timedelta, contract: Regime, *, phase: str = "first"
) -> LegalClock:
    """Start the clock of a duty that an incident brings, at the moment that the contract names.

    Where the incident's messages wait for a person, the clock runs as well, and says that they do.
    """
    terms = contract.phase_of(workflow)
    started_at = _moments(incident)[terms.starts if terms else Moment.DETECTED]
    clock = start(workflow, incident.number, organization, started_at, limit, phase=phase, contract=contract)
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
    """Tell the operators, once each, of every running clock that is close to its end, and that has run out.

    `time_left` tells what a clock has left where somebody measures it better than by `now`, which may have been set.
    Of what is held the operators have been told, and hear in the digest: thousands of clocks would tell nothing more.
    """
    reaction = Reaction()
    for clock in filter(is_untold, clocks):
        left = time_left(clock) if time_left else clock.alarm_at - now
        if left <= _NOTHING:
            reaction += Reaction(_tell(clock, now, facts), (replace(clock, escalated_at=now),))
        elif clock.warned_at is None and is_short(clock, left):
            reaction += Reaction(_warn(clock, now, facts), (replace(clock, warned_at=now),))
    return reaction


def is_short(clock: LegalClock, left: timedelta) -> bool:
    """Say whether a clock that has so much left, and some, is past the part of its time that goes without warning."""
    return clock.soft_at is not None and _NOTHING < left <= clock.due_at - clock.soft_at


def is_untold(clock: LegalClock) -> bool:
    """Say whether a clock runs that nobody holds, and the operators have not been told that it ran out."""
    is_over = clock.met_at is not None or clock.waived_at is not None
    return not is_over and not clock.held and clock.escalated_at is None


def _tell(clock: LegalClock, now: datetime, facts: Facts) -> tuple[Command, ...]:
    reason = EscalationReason.UPDATE_DUE if clock.workflow in UPDATES.values() else EscalationReason.CLOCK_RAN_OUT
    return _escalate(clock, now, facts, reason)


def _warn(clock: LegalClock, now: datetime, facts: Facts) -> tuple[Command, ...]:
    return _escalate(clock, now, facts, EscalationReason.CLOCK_RUNS_SHORT)


def _escalate(clock: LegalClock, now: datetime, facts: Facts, reason: EscalationReason) -> tuple[Command, ...]:
    regime, addressee = names_of(clock, facts)
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
        regime=regime,
        addressee=addressee,
    )


def names_of(clock: LegalClock, facts: Facts) -> tuple[str, str]:
    """Name the regime and the addressee of a clock as they are called now; by its id where it is known no more."""
    if not clock.regime:
        return "", ""
    every = (facts.contract, *(regime for regimes in facts.regimes.values() for regime in regimes))
    for regime in every:
        for phase in regime.phase if regime.id == clock.regime else ():
            if phase.id == clock.phase:
                return regime.name, phase.addressee
    return clock.regime, ""
