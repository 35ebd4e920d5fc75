"""What follows where a message comes back: the same words to the next address, then a call to make."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec.structs import replace

from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.incident import Incident
from credwatch.workflows.escalation import EscalationReason, about_letter
from credwatch.workflows.facts import Facts
from credwatch.workflows.mail_receipt import RECEIPT
from credwatch.workflows.message import letter_id, verification_code
from credwatch.workflows.persons_notice import WORKFLOW as PERSONS
from credwatch.workflows.portal_letters import LINK
from credwatch.workflows.touched import attacked_addresses, safe_addresses

_TO_NOBODY_ELSE = (RECEIPT, LINK)
"""What is for its reader alone: a receipt for a mail, a link to log in. Nobody is called about it either."""
_TO_ONE_PERSON = (PERSONS,)
"""What is for its reader alone, though the operators must find another way where it comes back."""


def next_address(command: Command, incident: Incident | None, facts: Facts, readers: Collection[str]) -> str:
    """Name the next address for a letter that came back; empty where none is left.

    Such are the notice addresses that the letter was not written to yet, then the reserve addresses, without those that
    the incident touches. `readers` are all that it was written to, in small letters. A joint letter goes on with its
    own reader: it has no next address.
    """
    if command.workflow in (*_TO_NOBODY_ELSE, *_TO_ONE_PERSON) or command.workflow.endswith("_joint"):
        return ""
    attacked = attacked_addresses(incident) if incident is not None else ()
    reader = facts.recipients.get(command.organization)
    candidates: tuple[str, ...] = ()
    if command.kind is CommandKind.NOTIFY and reader is not None:
        candidates = safe_addresses(replace(reader, addresses=(*reader.addresses, *reader.reserve)), attacked)
    elif command.kind is CommandKind.REPORT and facts.vendor is not None and facts.vendor.reserve:
        candidates = (facts.vendor.mailbox, facts.vendor.reserve)
    return next((address for address in candidates if address.casefold() not in readers), "")


def instead_of(command: Command, address: str, facts: Facts, now: datetime) -> Command:
    """Write a letter once more, to another address: a message of its own with a verification code of its own."""
    phase = f"instead of {command.id}"
    identity = letter_id(command.workflow, command.incident, command.organization, address, phase)
    context = command.payload.context | {"code": verification_code(facts.notice_key, identity)}
    return replace(
        command, id=identity, payload=replace(command.payload, recipient=address, context=context), created_at=now
    )


def on_returned(command: Command, reply: str, facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Ask the operators to call a reader whose letter came back; of their own letters another way tells them."""
    if command.workflow in _TO_NOBODY_ELSE or command.kind in (CommandKind.ESCALATE, CommandKind.DIGEST):
        return ()
    return about_letter(command, EscalationReason.RETURNED, reply, facts, now)
