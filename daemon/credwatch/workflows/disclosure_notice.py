"""The notice that account information was opened, given out or changed on request or order (policy, 8.4)."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from credwatch.kernel.command import CommandKind
from credwatch.kernel.incident import Incident, IncidentChange
from credwatch.kernel.secrecy import SecrecyOrder
from credwatch.workflows.clocks import start_duty
from credwatch.workflows.escalation import EscalationReason, escalate_about
from credwatch.workflows.facts import Facts, Ground, Reaction
from credwatch.workflows.message import Letter, compose, hold_of, incident_values, shown
from credwatch.workflows.touched import own_accounts, safe_addresses

WORKFLOW = "disclosure_notice"


def disclosure_notice(change: IncidentChange, facts: Facts, now: datetime) -> Reaction:
    """Tell the customer on what ground its account was touched, what was done, when, and by which department.

    One notice for each kind of act under each authorisation: a later act of another kind is told as well.
    """
    incident, phase = change.incident, act_of(change.incident)
    number, organization = incident.number, incident.organization
    recipients = facts.recipients.get(organization)
    if recipients is None:
        reason = EscalationReason.NO_CUSTOMER
        return Reaction(
            escalate_about(incident, facts, now, reason, duty=WORKFLOW, organization=organization, phase=phase)
        )
    limit = facts.duties.disclosure_notice
    clock = start_duty(WORKFLOW, incident, organization, limit, facts.contract, phase=phase)
    letter = Letter(
        kind=CommandKind.NOTIFY,
        workflow=WORKFLOW,
        language=recipients.language,
        values={"reader": recipients.name, **_values(incident, facts)},
        incident=number,
        organization=organization,
        phase=phase,
        hold=hold_of(incident),
    )
    addresses = safe_addresses(recipients)
    commands = compose(letter, addresses, facts, now) or escalate_about(
        incident, facts, now, EscalationReason.NO_ADDRESS, duty=WORKFLOW, organization=organization, phase=phase
    )
    return Reaction(commands, (clock,), _secrecy(incident, facts, now))


def _secrecy(incident: Incident, facts: Facts, now: datetime) -> tuple[SecrecyOrder, ...]:
    """Name the order that forbids to tell of this act, while it may: what lies behind its review is told."""
    ground = facts.authorisations.get(dict(incident.details).get("credwatch.authorisation.id", ""))
    if ground is None or ground.secrecy is None or ground.secrecy.review_at <= now:
        return ()
    return (replace(ground.secrecy, incident=incident.number, began_at=now),)


def act_of(incident: Incident) -> str:
    """Name the act an incident tells of last: its authorisation and what was done."""
    details = dict(incident.details)
    return f"{details.get('credwatch.authorisation.id', '')} {details.get('event.action', '')}"


def _values(incident: Incident, facts: Facts) -> dict[str, object]:
    details = dict(incident.details)
    number = details.get("credwatch.authorisation.id", "")
    # What the register says of a ground was written by the operators; what only the log says was not.
    spell = str if number in facts.authorisations else shown
    ground = facts.authorisations.get(number) or Ground(
        id=number,
        basis=details.get("credwatch.authorisation.basis", ""),
        document=details.get("credwatch.support.reason", ""),
    )
    return {
        **incident_values(incident, own_accounts(incident, incident.organization, facts), facts),
        "basis": ground.basis,
        "document": spell(ground.document),
        "issuer": spell(ground.issuer),
        "authorisation": spell(ground.id),
        "action": shown(details.get("event.action", "")),
        "department": shown(details.get("credwatch.actor.department", "")),
    }
