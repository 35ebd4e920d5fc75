"""The notice to whoever owns an account: what was done with it, to the owner's own mailbox (NIST SP 800-63B-4, 4.6)."""

from __future__ import annotations

from datetime import datetime

from credwatch.kernel.command import CommandKind
from credwatch.kernel.incident import Incident, IncidentChange
from credwatch.kernel.legible import in_a_message_as_account
from credwatch.workflows.facts import Facts, Reaction
from credwatch.workflows.message import Letter, compose, hold_of, incident_values

WORKFLOW = "owner_notice"


def owner_notice(change: IncidentChange, facts: Facts, now: datetime) -> Reaction:
    """Tell the owner of the account that an incident is about; nobody where no register has an address.

    The customer's contacts have a notice of their own. An owner who is one of them gets this one too: it asks whether
    it was they. The mailbox is written to though it is the account's own, for it is the owner who can tell.
    """
    incident = change.incident
    address = facts.person_of(incident.subject).address
    if not address:
        return Reaction()
    return Reaction(compose(_letter(incident, facts), (address,), facts, now))


def _letter(incident: Incident, facts: Facts) -> Letter:
    reader = facts.recipients.get(incident.organization)
    return Letter(
        kind=CommandKind.NOTIFY,
        workflow=WORKFLOW,
        language=reader.language if reader else facts.operators.language,
        values={
            "reader": in_a_message_as_account(incident.subject),
            **incident_values(incident, (incident.subject,), facts),
        },
        incident=incident.number,
        organization=incident.organization,
        hold=hold_of(incident),
    )
