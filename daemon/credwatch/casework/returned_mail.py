"""Takes in what servers report of messages: one that came back goes to the next address, or somebody is called."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection

from credwatch.inbox.mail import Delivery, DeliveryStatus, Mail
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.kernel.return_path import ReturnPath
from credwatch.store import outbox, returns
from credwatch.store.cases import incidents
from credwatch.store.commands import StoredCommand
from credwatch.workflows.facts import Facts
from credwatch.workflows.returned import instead_of, next_address, on_returned

_BELIEVED_FOR = timedelta(days=14)
"""A server tries for five days (RFC 5321, section 4.5.4.1); what speaks of a message after so long is none of them."""
_RESULTS = {Delivery.FAILED: "bounced", Delivery.DELAYED: "delayed", Delivery.ARRIVED: "arrived"}
_OUTCOMES = {
    Delivery.FAILED: MailOutcome.BOUNCED,
    Delivery.DELAYED: MailOutcome.DELAYED,
    Delivery.ARRIVED: MailOutcome.ARRIVED,
}


class TooEarly(CredwatchError):
    """A report came before the attempt that it speaks of is settled; it waits in the maildir until then."""


class TakenMail(Struct, frozen=True):
    """What became of a mail, and what it belongs to."""

    outcome: MailOutcome
    """What became of it."""
    message: str = ""
    """The id of our message that it is about."""
    incident: str = ""
    """The number of its case."""
    customer: str = ""
    """The customer whose contact is proven to have sent it."""
    receipt_to: str = ""
    """Who gets a receipt for it."""


def proven_message(mail: Mail, path: ReturnPath) -> str:
    """Return the id of the message that a mail came back to, where its proof is ours; else an empty text."""
    names = (path.message_of(name) for name in _names(mail))
    return next((message for message in names if message), "")


def _names(mail: Mail) -> Iterable[str]:
    return (*mail.recipients, *([mail.status.envelope_id] if mail.status else []))


def take_report(connection: Connection, mail: Mail, path: ReturnPath, facts: Facts, now: datetime) -> TakenMail:
    """Take in what a server reports of a message, within a transaction; raises TooEarly.

    Without our proof nothing follows from it: anybody may write that a message came back.
    """
    message = proven_message(mail, path)
    if not message:
        is_ours = any(ReturnPath.names_a_message(name) for name in _names(mail))
        return TakenMail(MailOutcome.FORGED if is_ours else MailOutcome.FOREIGN)
    stored = returns.message_named(connection, message)
    if stored is None or (stored.settled_at is not None and now - stored.settled_at > _BELIEVED_FOR):
        return TakenMail(MailOutcome.FOREIGN, message)
    if stored.state == "sending":
        raise TooEarly("the message is still under way", where=message)
    incident = stored.command.incident
    if mail.status is None:
        return TakenMail(MailOutcome.NOTED, message, incident)
    reply = _reply(mail.status)
    returns.note_report(connection, message, _RESULTS[mail.status.delivery], reply, now)
    if mail.status.delivery is Delivery.FAILED and stored.state == "delivered":
        _send_elsewhere(connection, stored, reply, facts, now)
    return TakenMail(_OUTCOMES[mail.status.delivery], message, incident)


def _send_elsewhere(connection: Connection, stored: StoredCommand, reply: str, facts: Facts, now: datetime) -> None:
    """Write to the next address; where there is none, ask the operators to call."""
    command = stored.command
    incident = incidents.incident(connection, command.incident) if command.incident else None
    address = next_address(command, incident, facts, returns.readers_of(connection, stored))
    returns.take_back_acceptance(connection, command.id, reply, now, goes_elsewhere=bool(address))
    letters = [instead_of(command, address, facts, now)] if address else on_returned(command, reply, facts, now)
    outbox.queue(connection, letters)


def _reply(status: DeliveryStatus) -> str:
    words = (status.code if status.code not in status.reason else "", status.reason)
    return " ".join(filter(None, words)) or "no reason was given"
