"""The customer's notice of a breach: to every safe notice address of every customer the incident touches."""

from __future__ import annotations

from datetime import datetime

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import CommandKind
from credwatch.kernel.incident import Incident, IncidentChange
from credwatch.workflows.clocks import UPDATES, start, start_duty
from credwatch.workflows.escalation import EscalationReason, escalate_about
from credwatch.workflows.facts import Facts, Reaction, Recipients
from credwatch.workflows.message import Letter, compose, hold_of, incident_values
from credwatch.workflows.touched import attacked_addresses, customers_of, own_accounts, safe_addresses

WORKFLOW = "customer_notice"


def customer_notice(change: IncidentChange, facts: Facts, now: datetime) -> Reaction:
    """Tell each customer what happened to its own accounts, and start the clocks of notice and update.

    An incident that reaches another customer later is told to that customer then; the ids keep the first from
    hearing twice. Where no customer or no safe address is known, the operators hear of it instead. Of history all
    of that waits for a person, and no update is promised before the notice has gone.
    """
    incident = change.incident
    reaction = Reaction()
    for organization in customers_of(incident) or ("",):
        recipients = facts.recipients.get(organization)
        if recipients is None:
            commands = escalate_about(
                incident, facts, now, EscalationReason.NO_CUSTOMER, duty=WORKFLOW, organization=organization
            )
            reaction += Reaction(commands)
        else:
            reaction += _tell(recipients, incident, facts, now)
    return reaction


def _tell(recipients: Recipients, incident: Incident, facts: Facts, now: datetime) -> Reaction:
    number, organization, duties = incident.number, recipients.organization, facts.duties
    clock = start_duty(WORKFLOW, incident, organization, duties.customer_notice, facts.contract)
    addresses = safe_addresses(recipients, attacked_addresses(incident))
    if not addresses:
        reason = EscalationReason.NO_ADDRESS
        commands = escalate_about(incident, facts, now, reason, duty=WORKFLOW, organization=organization)
        return Reaction(commands, (clock,))
    promise = start(UPDATES[WORKFLOW], number, organization, now, duties.update, contract=facts.contract)
    letter = Letter(
        kind=CommandKind.NOTIFY,
        workflow=WORKFLOW,
        language=recipients.language,
        values={
            "reader": recipients.name,
            "next_update": rfc3339(promise.due_at),
            **incident_values(incident, own_accounts(incident, organization, facts), facts),
            "acts": facts.enforcement.acts_for(organization),
        },
        incident=number,
        organization=organization,
        hold=hold_of(incident),
    )
    clocks = (clock,) if incident.is_held else (clock, promise)
    return Reaction(compose(letter, addresses, facts, now), clocks)
