"""The customer's breach report to the vendor's security mailbox (policy, 8.2)."""

from __future__ import annotations

from datetime import datetime

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import CommandKind
from credwatch.kernel.incident import IncidentChange
from credwatch.workflows.clocks import UPDATES, start, start_duty
from credwatch.workflows.escalation import EscalationReason, escalate_about
from credwatch.workflows.facts import Facts, Reaction
from credwatch.workflows.matter import matter_values
from credwatch.workflows.message import Letter, compose, hold_of, incident_values
from credwatch.workflows.touched import accounts_of

WORKFLOW = "breach_report"


def breach_report(change: IncidentChange, facts: Facts, now: datetime) -> Reaction:
    """Report a violation of password or account, or unauthorised access, to the vendor; start its clocks.

    A report of history waits for a person, and no update is promised before it has gone.
    """
    incident, duties = change.incident, facts.duties
    number, organization = incident.number, incident.organization
    clock = start_duty(WORKFLOW, incident, organization, duties.breach_report, facts.contract)
    if facts.vendor is None:
        reason = EscalationReason.NO_VENDOR
        commands = escalate_about(incident, facts, now, reason, duty=WORKFLOW, organization=organization)
        return Reaction(commands, (clock,))
    promise = start(UPDATES[WORKFLOW], number, organization, now, duties.update, contract=facts.contract)
    letter = Letter(
        kind=CommandKind.REPORT,
        workflow=WORKFLOW,
        language=facts.vendor.language,
        values={
            "reader": facts.vendor.name,
            "next_update": rfc3339(promise.due_at),
            **incident_values(incident, accounts_of(incident), facts),
            **matter_values(incident),
        },
        incident=number,
        organization=organization,
        hold=hold_of(incident),
    )
    clocks = (clock,) if incident.is_held else (clock, promise)
    return Reaction(compose(letter, (facts.vendor.mailbox,), facts, now), clocks)
