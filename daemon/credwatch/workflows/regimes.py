"""Starts the clocks of the laws that an incident falls under: several side by side, each from its own moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.command import LEGAL_REPORT, LegalClock
from credwatch.kernel.ids import stable_id
from credwatch.kernel.incident import Incident
from credwatch.kernel.moment import WHOLE_CASE, DutyPhase, Moment
from credwatch.workflows.facts import Facts, Role
from credwatch.workflows.touched import customers_of
from credwatch.world.regimes import Regime, RegimePhase
from credwatch.world.time_limits import deadline


class OwedPhase(Struct, frozen=True):
    """One phase that an incident may bring, toward one customer or of one whose duty it is."""

    regime: Regime
    """The law or contract."""
    phase: RegimePhase
    """The phase."""
    organization: str
    """The customer; empty where the duty is the operator's own and toward nobody in particular."""

    @property
    def workflow(self) -> str:
        """The messages that do it, or what stands for a person's report."""
        return self.phase.workflow or LEGAL_REPORT


def owed_phases(incident: Incident, facts: Facts) -> Iterator[OwedPhase]:
    """Name every phase of every regime that an incident falls under, whether its clock has started or not.

    The operator's own regimes come first, then those of the customers touched. Of the former, what is owed to customers
    is owed to each; the contract's duties are not among them, for its workflows start their own clocks.
    """
    customers = customers_of(incident)
    for regime in _about(facts.regimes.get("", ()), incident, facts):
        for phase in regime.phase:
            own = (incident.organization if facts.role is Role.CUSTOMER else "",)
            for organization in customers if phase.toward == "customer" else own:
                yield OwedPhase(regime, phase, organization)
    for organization in customers:
        for regime in _about(facts.regimes.get(organization, ()), incident, facts):
            yield from (OwedPhase(regime, phase, organization) for phase in regime.phase)


def _about(regimes: tuple[Regime, ...], incident: Incident, facts: Facts) -> Iterator[Regime]:
    for regime in regimes:
        if regime.role in (facts.role.value, "either") and {*regime.workflows} & {*incident.workflows}:
            yield regime


def regime_clocks(
    incident: Incident, facts: Facts, running: Mapping[str, LegalClock] | None = None
) -> tuple[LegalClock, ...]:
    """Start the clock of each phase whose moment is known; the same phase has one clock however often started.

    A phase whose clock is `running`, by its id, is counted by the terms that this clock started with.
    """
    clocks = (_clock(owed, incident, facts, running or {}) for owed in owed_phases(incident, facts))
    return tuple(clock for clock in clocks if clock is not None)


def _clock(owed: OwedPhase, incident: Incident, facts: Facts, running: Mapping[str, LegalClock]) -> LegalClock | None:
    identity = clock_id(owed, incident.number)
    before = running.get(identity)
    phase = RegimePhase.model_validate_json(before.terms) if before and before.terms else owed.phase
    started_at = moment_of(incident, owed, phase)
    if started_at is None:
        return None
    times = deadline(owed.regime, phase, started_at, facts.calendar)
    clock = LegalClock(identity, owed.workflow, incident.number, owed.organization, started_at, times.due_at)
    return replace(
        clock,
        starts=phase.starts,
        stops=phase.stops,
        regime=owed.regime.id,
        phase=phase.id,
        regime_version=before.regime_version if before else owed.regime.version,
        terms=phase.model_dump_json(exclude_defaults=True),
        calendar=times.calendar,
        soft_at=times.soft_at,
    )


def clock_id(owed: OwedPhase, incident: str) -> str:
    """Name the clock of a phase."""
    return stable_id("regime", owed.regime.id, owed.phase.id, incident, owed.organization)


def moment_of(incident: Incident, owed: OwedPhase, phase: RegimePhase) -> datetime | None:
    """Tell when the moment was that starts a phase: the earliest that is known; None where none is."""
    by_itself = {
        Moment.OCCURRED: incident.occurred_first,
        Moment.RECORDED: incident.recorded_at,
        Moment.DETECTED: incident.detected_at,
    }
    if phase.starts in by_itself:
        return by_itself[phase.starts]
    regime = owed.regime.id
    about = (DutyPhase(regime, phase.after),) if phase.after else (WHOLE_CASE, DutyPhase(regime))
    noted = [
        note.at
        for note in incident.moments
        if note.moment is phase.starts and note.about in about and note.organization in ("", owed.organization)
    ]
    return min(noted, default=None)


def waiting_phases(incident: Incident, facts: Facts, clocks: Sequence[LegalClock]) -> list[dict[str, str]]:
    """List the phases whose clock has not started, as JSON values, each with the moment that it waits for."""
    started = {clock.id for clock in clocks}
    return [
        {
            "regime": owed.regime.id,
            "phase": owed.phase.id,
            "organization": owed.organization,
            "starts": owed.phase.starts.value,
            "after": owed.phase.after,
            "threshold": owed.phase.threshold,
            "wording": owed.phase.wording,
        }
        for owed in owed_phases(incident, facts)
        if clock_id(owed, incident.number) not in started
    ]
