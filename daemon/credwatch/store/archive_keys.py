"""The table of the keys that seal the personal fields of archived events; each is sealed itself."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Connection, Index, Table, Text, delete, select

from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros

archive_keys = Table(
    "archive_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),  # empty for events of no customer
    Column("sealed", Text, nullable=False),  # as archive/sealing.py seals it
    Column("made", Number, nullable=False),
    Index("archive_keys_customer", "customer", unique=True),
)


class StoredKey(Struct, frozen=True):
    """The key of a customer's events."""

    id: str
    """Its name, which rows carry."""
    customer: str
    """The customer; empty for events of none."""
    sealed: str
    """The key, sealed."""


def all_keys(connection: Connection) -> list[StoredKey]:
    """Return every key."""
    columns = archive_keys.c
    rows = connection.execute(select(columns.id, columns.customer, columns.sealed).order_by(columns.customer))
    return [StoredKey(*row) for row in rows]


def add_keys(connection: Connection, keys: list[StoredKey], made_at: datetime) -> None:
    """Keep new keys."""
    if keys:
        rows = [{"id": it.id, "customer": it.customer, "sealed": it.sealed, "made": to_micros(made_at)} for it in keys]
        connection.execute(archive_keys.insert(), rows)


def erase_key(connection: Connection, customer: str) -> int:
    """Delete the key of a customer, overwritten where it lies first; returns how many there were."""
    of_customer = archive_keys.c.customer == customer
    for sealed in connection.scalars(select(archive_keys.c.sealed).where(of_customer)).all():
        connection.execute(archive_keys.update().where(of_customer).values(sealed="-" * len(sealed)))
    return connection.execute(delete(archive_keys).where(of_customer)).rowcount
