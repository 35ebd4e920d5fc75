"""What people do about an incident: take it over, note, acknowledge, reopen, and record what others answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.casework.casebook import Casebook
from credwatch.incidents.lifecycle import IllegalTransition, check_reason, moved
from credwatch.kernel.case_entry import Answer, CaseEntry, EntryKind, Statement
from credwatch.kernel.detection import Level
from credwatch.kernel.incident import Incident, Status
from credwatch.store import outbox
from credwatch.store.cases import case_entries, incidents
from credwatch.workflows.escalation import EscalationReason, escalate_about
from credwatch.workflows.facts import Facts
from credwatch.workflows.touched import customers_of

_SEVERAL = 2


class Actor(Struct, frozen=True):
    """Who does something, and when."""

    name: str
    """A login name."""
    at: datetime
    """Now, UTC."""


_Step = Callable[[Connection, Incident], Incident]


class Casework(Casebook):
    """Adds entries to cases in a store that a daemon may be using; use it in a `with` block.

    Each method is one transaction, returns the incident afterwards, or None where the number is unknown, and raises
    IllegalTransition where the incident's state or an empty text forbids it.
    """

    def assign(self, number: str, actor: Actor, owner: str, text: str = "") -> Incident | None:
        """Put somebody in charge; a new incident is in progress from then on."""

        def step(_connection: Connection, incident: Incident) -> Incident:
            _check_open(incident)
            check_reason(incident, owner)
            return _taken_up(incident, actor, f"assigned to {owner}")

        return self._work(CaseEntry(number, actor.at, EntryKind.ASSIGNED, actor.name, text, owner=owner), step)

    def note(self, number: str, actor: Actor, text: str) -> Incident | None:
        """Write something down; closed incidents take notes too."""

        def step(_connection: Connection, incident: Incident) -> Incident:
            check_reason(incident, text)
            return incident

        return self._work(CaseEntry(number, actor.at, EntryKind.NOTED, actor.name, text), step)

    def acknowledge(self, number: str, actor: Actor, text: str = "") -> Incident | None:
        """Say that somebody has read it; a new incident is in progress from then on."""

        def step(_connection: Connection, incident: Incident) -> Incident:
            _check_open(incident)
            return _taken_up(incident, actor, "acknowledged")

        return self._work(CaseEntry(number, actor.at, EntryKind.ACKNOWLEDGED, actor.name, text), step)

    def reopen(self, number: str, actor: Actor, text: str) -> Incident | None:
        """Open a closed incident again; its outcome is forgotten, and the next closing sends its update anew."""

        def step(connection: Connection, incident: Incident) -> Incident:
            if incident.status is not Status.CLOSED:
                raise IllegalTransition("the incident is open", where=number, hint="there is nothing to reopen")
            key = (incident.kind, incident.organization, incident.subject)
            other = incidents.open_incidents(connection, [key]).get(key)
            if other is not None and other.number != number:
                hint = f"work on {other.number}, and note there that this one belongs to it"
                raise IllegalTransition("another incident about the same is open", where=number, hint=hint)
            return moved(incident, Status.IN_PROGRESS, at=actor.at, by=actor.name, why=text)

        return self._work(CaseEntry(number, actor.at, EntryKind.REOPENED, actor.name, text), step)

    def answer(self, number: str, actor: Actor, answer: Answer, text: str = "", customer: str = "") -> Incident | None:
        """Record what somebody outside said; where they disown the act, it becomes critical and operators are told.

        It ends the reminders of that customer. Where a case concerns several, the customer must be named.
        """

        def step(connection: Connection, incident: Incident) -> Incident:
            if answer == Answer(party=answer.party, way=answer.way, spoken_at=answer.spoken_at):
                check_reason(incident, text)
            check_customer(incident, customer)
            disowned = answer.statement is Statement.NOT_OURS
            return _escalated(connection, incident, entry, self._facts()) if disowned else incident

        entry = CaseEntry(number, actor.at, EntryKind.ANSWERED, actor.name, text, answer=answer, customer=customer)
        return self._work(entry, step)

    def _work(self, entry: CaseEntry, step: _Step) -> Incident | None:
        """Do one step on an incident and add its entry, in one transaction."""
        with self._database.writing() as connection:
            incident = incidents.incident(connection, entry.incident)
            if incident is None:
                return None
            after = step(connection, incident)
            if after != incident:
                incidents.save_incidents(connection, [after])
            case_entries.add_entry(connection, entry)
        return after


def answered(connection: Connection, incident: Incident, entry: CaseEntry, facts: Facts) -> Incident:
    """Add a customer's answer to its case within a transaction; return the incident afterwards."""
    after = incident
    if entry.answer and entry.answer.statement is Statement.NOT_OURS:
        after = _escalated(connection, incident, entry, facts)
        incidents.save_incidents(connection, [after])
    case_entries.add_entry(connection, entry)
    return after


def _escalated(connection: Connection, incident: Incident, entry: CaseEntry, facts: Facts) -> Incident:
    """Tell the operators that a customer disowns an act, whatever else is held; return the incident, now critical."""
    who, reason = entry.customer or incident.organization, EscalationReason.DISOWNED
    phase = entry.at.isoformat()
    letters = escalate_about(incident, facts, entry.at, reason, duty="", organization=who, phase=phase)
    outbox.queue(connection, (replace(letter, hold="") for letter in letters))
    return replace(incident, level=Level.CRITICAL)


def _check_open(incident: Incident) -> None:
    if incident.status is Status.CLOSED:
        hint = f'`credwatch incidents reopen {incident.number} --why "…"` opens it again; a note may be added as it is'
        raise IllegalTransition("the incident is closed", where=incident.number, hint=hint)


def check_customer(incident: Incident, customer: str) -> None:
    """Raise IllegalTransition where it is not clear which of an incident's customers has answered."""
    customers = customers_of(incident)
    if customer in customers or (not customer and len(customers) < _SEVERAL):
        return
    whose = f"no customer {customer}" if customer else "several customers"
    hint = f"name one with --customer: {', '.join(customers)}" if customers else "leave --customer out"
    raise IllegalTransition(f"the incident concerns {whose}", where=incident.number, hint=hint)


def _taken_up(incident: Incident, actor: Actor, why: str) -> Incident:
    """Return a new incident as one in progress; others as they are."""
    if incident.status is not Status.NEW:
        return incident
    return moved(incident, Status.IN_PROGRESS, at=actor.at, by=actor.name, why=why)
