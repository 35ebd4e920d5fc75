"""Passkeys of contacts: public keys, and how often each was used."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Connection, Index, LargeBinary, Table, Text, select

from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Text, primary_key=True),  # the credential id, base64url
    Column("customer", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", Number, nullable=False),
    Column("made_at", Number, nullable=False),
    Index("passkeys_contact", "customer", "address"),
)


class Passkey(Struct, frozen=True):
    """One passkey."""

    id: str
    """The credential id, base64url."""
    public_key: bytes
    """The COSE key."""
    sign_count: int
    """What its counter said last."""


def add_passkey(connection: Connection, customer: str, address: str, passkey: Passkey, now: datetime) -> None:
    """Keep a passkey of a contact."""
    row = {"id": passkey.id, "customer": customer, "address": address, "public_key": passkey.public_key}
    connection.execute(passkeys.insert(), row | {"sign_count": passkey.sign_count, "made_at": to_micros(now)})


def passkeys_of(connection: Connection, customer: str, address: str) -> list[Passkey]:
    """Return the passkeys of a contact, the oldest first."""
    theirs = (passkeys.c.customer == customer) & (passkeys.c.address == address)
    rows = connection.execute(select(passkeys).where(theirs).order_by(passkeys.c.made_at, passkeys.c.id))
    return [Passkey(row.id, row.public_key, row.sign_count) for row in rows]


def count_passkey(connection: Connection, passkey_id: str, before: int, after: int) -> bool:
    """Note what a passkey's counter says now; False where somebody else has used it in between."""
    as_seen = (passkeys.c.id == passkey_id) & (passkeys.c.sign_count == before)
    return connection.execute(passkeys.update().where(as_seen).values(sign_count=after)).rowcount == 1


def forget_passkeys(connection: Connection, customer: str, address: str) -> int:
    """Take a contact's passkeys away, and return how many there were."""
    theirs = (passkeys.c.customer == customer) & (passkeys.c.address == address)
    return connection.execute(passkeys.delete().where(theirs)).rowcount
