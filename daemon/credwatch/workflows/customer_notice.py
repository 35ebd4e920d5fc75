"""The customer's notice of a breach: to every safe notice address of every customer the incident touches."""

from __future__ import annotations

from datetime import datetime

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import CommandKind
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange
from credwatch.workflows.clocks import UPDATES, start
from credwatch.workflows.escalation import Reason, escalate
from credwatch.workflows.facts import Facts, Reaction, Recipients
from credwatch.workflows.message import Letter, compose, incident_values

WORKFLOW = "customer_notice"


def customer_notice(change: IncidentChange, facts: Facts, now: datetime) -> Reaction:
    """Tell each customer what happened to its own accounts, and start the clocks of notice and update.

    An incident that reaches another customer later is told to that customer then; the ids keep the first from
    hearing twice. Where no customer or no safe address is known, the operators hear of it instead.
    """
    incident = change.incident
    began = incident.detected_at if change.kind is ChangeKind.OPENED else incident.occurred_last
    reaction = Reaction()
    for organization in customers_of(incident) or ("",):
        recipients = facts.recipients.get(organization)
        if recipients is None:
            told = escalate(
                facts,
                now,
                Reason.NO_CUSTOMER,
                duty=WORKFLOW,
                incident=incident.number,
                organization=organization,
            )
            reaction += Reaction(told)
        else:
            reaction += _tell(recipients, incident, began, facts, now)
    return reaction


def customers_of(incident: Incident) -> tuple[str, ...]:
    """List the customers an incident touches, its own first."""
    return tuple(dict.fromkeys(name for name in (incident.organization, *incident.organizations) if name))


def safe_addresses(recipients: Recipients, attacked: tuple[str, ...] = ()) -> tuple[str, ...]:
    """List the notice addresses that are not believed compromised; an attacked account is not written to.

    NIST SP 800-63B-4, section 4.6, asks for notices to addresses the attacker does not control.
    """
    unsafe = {address.casefold() for address in (*recipients.compromised, *attacked)}
    return tuple(address for address in recipients.addresses if address.casefold() not in unsafe)


def own_accounts(incident: Incident, organization: str, facts: Facts) -> tuple[str, ...]:
    """List the accounts one customer may read about: its own, and unowned ones where it alone is touched."""
    alone = customers_of(incident) == (organization,)
    readable = {organization, ""} if alone else {organization}
    return tuple(account for account in incident.accounts if facts.owner(account) in readable)


def _tell(recipients: Recipients, incident: Incident, began: datetime, facts: Facts, now: datetime) -> Reaction:
    number, organization, duties = incident.number, recipients.organization, facts.duties
    clock = start(WORKFLOW, number, organization, began, duties.customer_notice)
    addresses = safe_addresses(recipients, incident.accounts)
    if not addresses:
        reason = Reason.NO_ADDRESS
        told = escalate(facts, now, reason, duty=WORKFLOW, incident=number, organization=organization)
        return Reaction(told, (clock,))
    promise = start(UPDATES[WORKFLOW], number, organization, now, duties.update)
    letter = Letter(
        kind=CommandKind.NOTIFY,
        workflow=WORKFLOW,
        language=recipients.language,
        values={
            "reader": recipients.name,
            "next_update": rfc3339(promise.due_at),
            **incident_values(incident, own_accounts(incident, organization, facts)),
        },
        incident=number,
        organization=organization,
    )
    return Reaction(compose(letter, addresses, facts, now), (clock, promise))
