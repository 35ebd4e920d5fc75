"""What people record of a breach's course: its moments, and the reports that were handed over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.app.build import sound_facts
from credwatch.casework.acts import Actor, Casework
from credwatch.incidents.lifecycle import IllegalTransition, check_reason
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import LegalClock
from credwatch.kernel.incident import Incident
from credwatch.kernel.moment import WHOLE_CASE, DutyPhase, Moment, NotedMoment
from credwatch.store import outbox
from credwatch.store.cases import legal_clocks
from credwatch.workflows.facts import Facts
from credwatch.workflows.persons_notice import WORKFLOW as PERSONS
from credwatch.workflows.regimes import owed_phases, regime_clocks
from credwatch.workflows.touched import accounts_of
from credwatch.world.regimes import KNOWN_BY_ITSELF, RegimePhase

_OF_A_PHASE = frozenset({Moment.SENT, Moment.ACCEPTED, Moment.ACKNOWLEDGED, Moment.SUBMITTED})
"""What happens to one report, and not to the incident."""
_SKEW = timedelta(minutes=5)


class Recorded(Struct, frozen=True):
    """What a person says of one moment."""

    moment: Moment
    """Which."""
    at: datetime
    """When it was, UTC."""
    why: str
    """How it is known."""
    about: DutyPhase = WHOLE_CASE
    """The phase of a regime that it is about, where it is no moment of the whole incident."""
    customer: str = ""
    """The customer whose duty it is, or toward whom."""
    reference: str = ""
    """The number that the receiver gave."""
    late_reason: str = ""
    """Why a report was late."""


class Recording(Casework):
    """Records the moments of a breach in a store that a daemon may be using; use it in a `with` block."""

    def record(self, number: str, actor: Actor, recorded: Recorded) -> Incident | None:
        """Record a moment, start the clocks that it starts, and stop those that it meets, in one transaction.

        Of several moments of one kind the earliest counts: a clock moves back to it, and never forward. Returns None
        where the number is unknown; raises IllegalTransition where the moment cannot be so, or a reason is missing.
        """
        facts = sound_facts(self._settings)

        def step(connection: Connection, incident: Incident) -> Incident:
            check_reason(incident, recorded.why)
            _check_about(incident, recorded, facts)
            _check_persons(connection, incident, recorded, facts)
            return noted(connection, incident, actor, recorded, facts)

        entry = CaseEntry(
            number,
            actor.at,
            EntryKind.MOMENT,
            actor.name,
            recorded.why,
            moment=NotedMoment(recorded.moment, recorded.at, actor.name, actor.at, recorded.about, recorded.customer),
            reference=recorded.reference,
            late_reason=recorded.late_reason,
            customer=recorded.customer,
        )
        return self._work(entry, step)


def noted(connection: Connection, incident: Incident, actor: Actor, recorded: Recorded, facts: Facts) -> Incident:
    """Return the incident with one more moment; start the clocks that it starts, and stop those that it meets.

    Raises IllegalTransition where it cannot have been then, or a report that was late gives no reason.
    """
    _check_time(incident, recorded, actor.at)
    _meet(connection, incident, recorded)
    note = NotedMoment(recorded.moment, recorded.at, actor.name, actor.at, recorded.about, recorded.customer)
    after = replace(incident, moments=(*incident.moments, note))
    running = {clock.id: clock for clock in legal_clocks.clocks_of(connection, incident.number)}
    clocks = regime_clocks(after, facts, running)
    legal_clocks.save_clocks(connection, clocks)
    legal_clocks.move_clocks(connection, clocks)
    return after


def _check_time(incident: Incident, recorded: Recorded, now: datetime) -> None:
    if recorded.moment in KNOWN_BY_ITSELF:
        hint = "the logs and the daemon tell it; name another moment"
        raise IllegalTransition(f"nobody records when it was {recorded.moment}", where=incident.number, hint=hint)
    if recorded.at > now + _SKEW:
        hint = "record it once it has been; mind the offset, as in 2026-03-02T12:00+07:00"
        raise IllegalTransition(f"{rfc3339(recorded.at)} is yet to come", where=incident.number, hint=hint)
    if recorded.at < incident.occurred_first:
        first = rfc3339(incident.occurred_first)
        hint = "mind the offset, as in 2026-03-02T12:00+07:00"
        raise IllegalTransition(f"it began only at {first}", where=incident.number, hint=hint)


def _check_about(incident: Incident, recorded: Recorded, facts: Facts) -> None:
    """Raise IllegalTransition where it is not clear which phase of which regime is meant, or there is none."""
    is_of_phase, is_named = recorded.moment in _OF_A_PHASE, recorded.about != WHOLE_CASE
    phases = sorted({f"{owed.regime.id}/{owed.phase.id}" for owed in owed_phases(incident, facts)})
    phases += sorted(f"{facts.contract.id}/{phase.id}" for phase in facts.contract.phase if phase.workflow)
    hint = f"name one with --of: {', '.join(phases)}"
    if is_of_phase and not is_named:
        raise IllegalTransition(f"{recorded.moment} is a moment of one report", where=incident.number, hint=hint)
    if is_named and str(recorded.about) not in phases:
        raise IllegalTransition(f"{recorded.about} is not owed", where=incident.number, hint=hint)


def _check_persons(connection: Connection, incident: Incident, recorded: Recorded, facts: Facts) -> None:
    """Raise IllegalTransition where persons were not told, and nothing says how they were.

    A law that asks to tell each of them is not met by letters that nobody accepted: then it wants the public notice.
    """
    toward = {(it.regime.id, it.phase.id): it.phase.toward for it in owed_phases(incident, facts)}
    about = (recorded.about.regime, recorded.about.phase)
    if recorded.moment is not Moment.SUBMITTED or toward.get(about) != "persons" or recorded.reference.strip():
        return
    accepted = {
        stored.command.recipient
        for stored in outbox.messages_of(connection, incident.number)
        if stored.command.workflow == PERSONS and stored.state == "delivered"
    }
    owed = len(accounts_of(incident))
    if len(accepted) < owed:
        text = f"mail servers accepted letters to {len(accepted)} persons of {owed}"
        hint = "say with --reference where the public notice stands, or how the others were told"
        raise IllegalTransition(text, where=incident.number, hint=hint)


def _meet(connection: Connection, incident: Incident, recorded: Recorded) -> None:
    """Stop the clocks that a moment meets; a late one asks for its reason where the regime does."""
    about, whole = recorded.about, recorded.about == WHOLE_CASE
    candidates = [
        clock
        for clock in legal_clocks.clocks_of(connection, incident.number)
        if clock.regime and clock.stops is recorded.moment and clock.met_at is None and clock.waived_at is None
        if whole or about.holds(clock.regime, clock.phase)
        if recorded.customer in ("", clock.organization)
    ]
    if recorded.moment in _OF_A_PHASE and not recorded.customer:
        # The operator's own report, where the same law is a customer's too.
        candidates = [clock for clock in candidates if not clock.organization] or candidates
    _check_single(incident, candidates, recorded)
    for clock in candidates:
        asked = RegimePhase.model_validate_json(clock.terms).late if clock.terms else ""
        if recorded.at > clock.due_at and asked and not recorded.late_reason.strip():
            text = f"{clock.regime}/{clock.phase} was due at {rfc3339(clock.due_at)}; late, it must say: {asked}"
            raise IllegalTransition(text, where=incident.number, hint='give it with --late-reason "…"')
        legal_clocks.meet_clock(connection, clock.id, recorded.at, recorded.reference, recorded.late_reason)


def _check_single(incident: Incident, clocks: Sequence[LegalClock], recorded: Recorded) -> None:
    """Raise IllegalTransition where one report would meet what is owed to, or by, several customers."""
    customers = sorted({clock.organization for clock in clocks if clock.organization})
    if recorded.moment in _OF_A_PHASE and not recorded.customer and len({clock.organization for clock in clocks}) > 1:
        hint = f"name one with --customer: {', '.join(customers)}"
        raise IllegalTransition("several customers are concerned", where=incident.number, hint=hint)
