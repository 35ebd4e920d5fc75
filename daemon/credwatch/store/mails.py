"""Which mails came in, and what became of each: every mail counts once, on whichever way it comes again."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Column, Connection, Index, Table, Text, func, select

from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros

_KEPT = timedelta(days=400)
"""So long it is known that a mail came before, where it belongs to no case; with a case it stays as long as that."""

mails = Table(
    "mails",
    metadata,
    Column("digest", Text, primary_key=True),  # of what its sender wrote
    Column("received_at", Number, nullable=False),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("message", Text, nullable=False),  # the message of ours that it is about; empty where it is about none
    Column("incident", Text, nullable=False),  # the case that it belongs to; empty where it belongs to none
    Column("customer", Text, nullable=False),  # whose contact is proven to have sent it
    Column("receipt_to", Text, nullable=False),  # who got a receipt for it; empty where nobody did
    Column("repeats", Number, nullable=False),  # how often it came again
    Index("mails_received", "received_at"),
    Index("mails_receipts", "receipt_to", "received_at"),
    Index("mails_incident", "incident"),
)


class StoredMail(Struct, frozen=True):
    """A mail that came in, and what became of it."""

    digest: str
    """SHA-256 over what its sender wrote."""
    received_at: datetime
    """When it was taken in, UTC."""
    kind: str
    """What it says it is."""
    outcome: MailOutcome
    """What became of it."""
    sender: str = ""
    """The address in its From field."""
    subject: str = ""
    """Its subject, one legible line."""
    message: str = ""
    """The id of our message that it is about."""
    incident: str = ""
    """The number of the case that it belongs to."""
    customer: str = ""
    """The customer whose contact is proven to have sent it."""
    receipt_to: str = ""
    """Who got a receipt for it."""
    repeats: int = 0
    """How often it came again."""


def came_before(connection: Connection, digest: str) -> bool:
    """Say whether a mail came before, and count that it came again."""
    again = mails.c.repeats + 1
    return connection.execute(mails.update().where(mails.c.digest == digest).values(repeats=again)).rowcount > 0


def add_mail(connection: Connection, mail: StoredMail) -> None:
    """Note a mail, and forget those of long ago that belong to no case."""
    old = (mails.c.received_at < to_micros(mail.received_at - _KEPT)) & (mails.c.incident == "")
    connection.execute(mails.delete().where(old))
    words = {name: getattr(mail, name) for name in mail.__struct_fields__ if name not in ("received_at", "outcome")}
    moment = {"received_at": to_micros(mail.received_at), "outcome": mail.outcome.value}
    connection.execute(mails.insert(), words | moment)


def receipts_to(connection: Connection, address: str, since: datetime) -> int:
    """Count the mails since a moment for which an address got a receipt."""
    is_theirs = (mails.c.receipt_to == address.casefold()) & (mails.c.received_at >= to_micros(since))
    return int(connection.execute(select(func.count()).where(is_theirs)).scalar_one())


def strangers_since(connection: Connection, since: datetime) -> int:
    """Count the mails since a moment that were noted in a case though nobody proves whose they are."""
    is_one = (mails.c.customer == "") & (mails.c.outcome == MailOutcome.NOTED.value)
    query = select(func.count()).where(is_one & (mails.c.received_at >= to_micros(since)))
    return int(connection.execute(query).scalar_one())


def latest_mails(connection: Connection, outcome: str, limit: int) -> list[StoredMail]:
    """Return the latest mails, of one outcome or of all, the latest first."""
    query = select(mails).order_by(mails.c.received_at.desc(), mails.c.digest).limit(limit)
    rows = connection.execute(query.where(mails.c.outcome == outcome) if outcome else query)
    return [_mail_of(row._mapping) for row in rows]


def _mail_of(row: object) -> StoredMail:
    values = dict(row)  # type: ignore[call-overload]  # a mapping of SQLAlchemy
    moment = {"received_at": from_micros(values["received_at"]), "outcome": MailOutcome(values["outcome"])}
    return StoredMail(**(values | moment))
