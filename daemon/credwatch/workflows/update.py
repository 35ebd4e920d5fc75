"""The update that a notice or report promised: sent when the incident is closed."""

from __future__ import annotations

from datetime import datetime

from credwatch.kernel.command import CommandKind, Precedence
from credwatch.kernel.incident import Incident, Status
from credwatch.workflows.clocks import UPDATES
from credwatch.workflows.facts import Facts, Reaction
from credwatch.workflows.matter import matter_values
from credwatch.workflows.message import Letter, compose, incident_values
from credwatch.workflows.touched import (
    accounts_of,
    attacked_addresses,
    customers_of,
    own_accounts,
    safe_addresses,
)


def customer_update(incident: Incident, facts: Facts, now: datetime) -> Reaction:
    """Tell every customer that was sent a notice that its incident is closed."""
    reaction = Reaction()
    for organization in customers_of(incident):
        recipients = facts.recipients.get(organization)
        if recipients is None:
            continue
        letter = Letter(
            kind=CommandKind.NOTIFY,
            workflow=UPDATES["customer_notice"],
            language=recipients.language,
            values={
                "reader": recipients.name,
                **incident_values(incident, own_accounts(incident, organization, facts), facts),
            },
            incident=incident.number,
            organization=organization,
            phase=_phase(incident),
            precedence=Precedence.COURTESY,
        )
        addresses = safe_addresses(recipients, attacked_addresses(incident))
        reaction += Reaction(compose(letter, addresses, facts, now))
    return reaction


def breach_update(incident: Incident, facts: Facts, now: datetime) -> Reaction:
    """Tell the vendor that was sent a report that the incident is closed."""
    if facts.vendor is None:
        return Reaction()
    letter = Letter(
        kind=CommandKind.REPORT,
        workflow=UPDATES["breach_report"],
        language=facts.vendor.language,
        values={
            "reader": facts.vendor.name,
            **incident_values(incident, accounts_of(incident), facts),
            **matter_values(incident),
        },
        incident=incident.number,
        organization=incident.organization,
        phase=_phase(incident),
        precedence=Precedence.COURTESY,
    )
    return Reaction(compose(letter, (facts.vendor.mailbox,), facts, now))


def _phase(incident: Incident) -> str:
    """Tell a second closing from the first: whoever reopened a case owes its readers the new end."""
    closings = sum(step.status is Status.CLOSED for step in incident.transitions)
    return "first" if closings < 2 else f"closing {closings}"
