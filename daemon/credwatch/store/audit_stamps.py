"""The table of time stamps that an authority gave over checkpoints of the audit trail."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Connection, LargeBinary, Table, Text, select

from credwatch.store.audit import audit_checkpoints
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.statements import many

audit_stamps = Table(
    "audit_stamps",
    metadata,
    Column("size", Number, primary_key=True, autoincrement=False),  # that of the checkpoint
    Column("at", Number, nullable=False),
    Column("authority", Text, nullable=False),
    Column("reply", LargeBinary, nullable=False),  # as the authority sent it, DER
)


class StoredStamp(Struct, frozen=True):
    """A checkpoint, and what an authority has signed of it."""

    size: int
    """How many entries the log had."""
    note: str
    """The checkpoint."""
    at: datetime
    """The moment that the authority names, UTC."""
    authority: str
    """Who it is."""
    reply: bytes
    """Its answer, DER."""


def add_stamp(connection: Connection, stamp: StoredStamp) -> None:
    """Keep a stamp; the first one of a checkpoint stays."""
    statement = "INSERT INTO audit_stamps (size, at, authority, reply) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    many(connection, statement, [(stamp.size, to_micros(stamp.at), stamp.authority, stamp.reply)])


def stamps(connection: Connection, limit: int) -> list[StoredStamp]:
    """Return the latest stamps, the latest first."""
    rows = connection.execute(_QUERY.order_by(audit_stamps.c.size.desc()).limit(limit))
    return [StoredStamp(size, note, from_micros(at), authority, reply) for size, note, at, authority, reply in rows]


def earliest_over(connection: Connection, position: int) -> StoredStamp | None:
    """Return the first stamp of a checkpoint that has an entry, by its place; None where there is none yet."""
    query = _QUERY.where(audit_stamps.c.size > position).order_by(audit_stamps.c.size).limit(1)
    row = connection.execute(query).first()
    return None if row is None else StoredStamp(row.size, row.note, from_micros(row.at), row.authority, row.reply)


_QUERY = select(
    audit_stamps.c.size, audit_checkpoints.c.note, audit_stamps.c.at, audit_stamps.c.authority, audit_stamps.c.reply
).join_from(audit_stamps, audit_checkpoints, audit_checkpoints.c.size == audit_stamps.c.size)
