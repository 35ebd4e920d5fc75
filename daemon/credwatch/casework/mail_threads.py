"""Finds out who sent a mail, and to which case it belongs.

Threads go by what a mail answers, the surest first: the address that only our message named, Message-IDs, and the
number in the subject, which counts from a contact of that incident's customer alone (RFC 5322, section 3.6.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.casework.returned_mail import proven_message
from credwatch.inbox.mail import Mail
from credwatch.kernel.command import Command
from credwatch.kernel.return_path import ReturnPath
from credwatch.store import returns
from credwatch.store.cases import incidents
from credwatch.workflows.facts import Facts
from credwatch.workflows.touched import customers_of, safe_addresses

_OUR_ID = re.compile(r"<(cw-[a-z2-7]{16})@", re.IGNORECASE)
_NUMBER = re.compile(r"\bCW-\d{4}-[A-Z2-7]{6,8}\b")


class Correspondent(Struct, frozen=True):
    """Who a mail is from, as far as it is proven."""

    address: str
    """The address in its From field."""
    customers: tuple[str, ...] = ()
    """The customers whose contact this is proven to be."""
    is_vendor: bool = False
    """Whether it is proven to be the vendor that we report to."""
    claimed: str = ""
    """The customers whose contact it says it is, where nothing proves it."""

    @property
    def is_somebody(self) -> bool:
        """Whether it is proven to be somebody that we write to."""
        return bool(self.customers) or self.is_vendor

    @property
    def customer(self) -> str:
        """The customer that it speaks for; empty where that is not exactly one."""
        return self.customers[0] if len(self.customers) == 1 else ""

    @property
    def actor(self) -> str:
        """By what name it stands in cases and in the audit trail."""
        return f"contact {self.address}" if self.customers else f"vendor {self.address}"


class Thread(Struct, frozen=True):
    """What a mail belongs to."""

    sender: Correspondent
    """Who sent it; of its customers only the one whose message it answers."""
    message: str = ""
    """The id of the message that it answers."""
    incident: str = ""
    """The number of the case; empty where it belongs to none."""
    is_own: bool = False
    """Whether it is a message of ours itself."""


def sender_of(mail: Mail, facts: Facts) -> Correspondent:
    """Say who sent a mail: a contact, or the vendor, where our own mail server found the sender proven."""
    address = mail.sender.casefold()
    names = tuple(
        reader.organization
        for reader in facts.recipients.values()
        if address in {one.casefold() for one in (*safe_addresses(reader), *reader.reserve)}
    )
    if not mail.is_proven:
        return Correspondent(mail.sender, claimed=", ".join(names))
    is_vendor = facts.vendor is not None and address == facts.vendor.mailbox.casefold()
    return Correspondent(mail.sender, names, is_vendor)


def thread_of(connection: Connection, mail: Mail, path: ReturnPath, facts: Facts) -> Thread:
    """Find the case that a mail belongs to; an answer to another customer's letter is nobody's."""
    sender = sender_of(mail, facts)
    own = _OUR_ID.match(mail.message_id)
    if own is not None and returns.message_named(connection, own[1].lower()) is not None:
        return Thread(sender, own[1].lower(), is_own=True)
    answered = next(_answered(connection, mail, path), None)
    if answered is not None:
        is_theirs = sender.is_vendor or answered.organization in sender.customers
        customers = (answered.organization,) if is_theirs and not sender.is_vendor else ()
        return Thread(replace(sender, customers=customers), answered.id, answered.incident)
    return _by_number(connection, mail, sender)


def _answered(connection: Connection, mail: Mail, path: ReturnPath) -> Iterator[Command]:
    """Give the messages of ours that a mail answers, the surest first."""
    ids = [match[1].lower() for reference in mail.references if (match := _OUR_ID.match(reference))]
    for message in (proven_message(mail, path), *ids):
        if message and (stored := returns.message_named(connection, message)) is not None:
            yield stored.command


def _by_number(connection: Connection, mail: Mail, sender: Correspondent) -> Thread:
    for number in _NUMBER.findall(mail.subject):
        incident = incidents.incident(connection, number)
        theirs = [name for name in customers_of(incident) if name in sender.customers] if incident else []
        if theirs:
            return Thread(replace(sender, customers=tuple(theirs[:1])), incident=number)
    return Thread(sender)
