"""The table of messages as mail servers accepted them, byte for byte: what a reader holds can be held against it."""

from __future__ import annotations

import zlib
from datetime import datetime

from sqlalchemy import Column, Connection, Index, LargeBinary, String, Table, select

from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.joined import letters_about
from credwatch.store.moments import to_micros
from credwatch.store.statements import many

sent_messages = Table(
    "sent_messages",
    metadata,
    Column("command", String, primary_key=True),
    Column("incident", String, nullable=False),
    Column("at", Number, nullable=False),  # when it was accepted, microseconds since the epoch, UTC
    Column("content", LargeBinary, nullable=False),  # zlib
    Index("sent_messages_incident", "incident"),
)


def add_sent(connection: Connection, command: str, incident: str, content: bytes, at: datetime) -> None:
    """Keep a message about an incident as it was accepted; others, such as the digest, are not kept."""
    if incident and content:
        row = (command, incident, to_micros(at), zlib.compress(content))
        many(
            connection,
            "INSERT INTO sent_messages (command, incident, at, content) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [row],
        )


def sent_about(connection: Connection, incident: str) -> dict[str, bytes]:
    """Return the messages about an incident, joint ones too, as they were accepted, by the id of the command."""
    is_about = (sent_messages.c.incident == incident) | sent_messages.c.command.in_(letters_about(incident))
    query = select(sent_messages.c.command, sent_messages.c.content).where(is_about)
    return {command: zlib.decompress(content) for command, content in connection.execute(query)}
