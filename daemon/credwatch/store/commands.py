"""The table of commands, and how they stand in it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Index, Table, Text, text

from credwatch.kernel.command import PAYLOADS, Command, CommandKind, Payload, Precedence
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros

commands = Table(
    "commands",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("languages", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Number, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("last_reason", Text, nullable=False),
    Column("precedence", Number, nullable=False, server_default=text("0")),
    Column("lane", Text, nullable=False, server_default=text("''")),
    Index("commands_due", "state", "next_at"),
    Index("commands_duty", "workflow", "incident", "organization"),
    Index("commands_incident", "incident", "settled_at"),
    Index("commands_settled", "state", "settled_at"),
    Index("commands_listed", "state", "created_at", "id"),
    Index("commands_latest", "workflow", "created_at"),
    Index("commands_customer", "organization", "kind", "created_at"),
    # All that the choice of the next message looks at.
    Index(
        "commands_waiting",
        "precedence",
        "lane",
        "created_at",
        "id",
        "attempts",
        "next_at",
        "recipient",
        "state",
        sqlite_where=text("state = 'queued'"),
    ),
)
"""One row for each message; `state` is queued, sending, delivered, refused, held for a person, dropped by one, or
returned: it was accepted, came back, and another message went to another address in its place.

A measure that was on its way when enforcement was stopped is `stopped`.
"""

WAITING = ("queued", "sending", "refused", "held")
"""The states of a message that has not come to its end."""

EVERY = (*WAITING, "stopped", "delivered", "dropped", "returned")
"""All states of a message."""


class StoredCommand(Struct, frozen=True):
    """A command and where its delivery stands."""

    command: Command
    """The command."""
    state: str
    """queued, sending, delivered, refused, held, dropped or returned."""
    attempts: int
    """How many attempts were begun since it was queued or put back."""
    since: datetime
    """When it was queued, or put back by an operator."""
    next_at: datetime
    """When it is due."""
    settled_at: datetime | None
    """When it was delivered, refused or dropped, or came back."""
    last_reason: str
    """What the server said last; why it is held or was dropped."""


def row_of(command: Command) -> dict[str, object]:
    """Write a command as a row that is queued, or held where it says why."""
    created = to_micros(command.created_at)
    return _columns_of(command.payload) | {
        "id": command.id,
        "kind": command.kind.value,
        "workflow": command.workflow,
        "incident": command.incident,
        "organization": command.organization,
        "created_at": created,
        "state": "held" if command.hold else "queued",
        "attempts": 0,
        "since": created,
        "next_at": created,
        "last_reason": command.hold,
        "precedence": command.precedence.value,
        "lane": command.lane,
    }


def _columns_of(payload: Payload) -> dict[str, object]:
    return {
        "recipient": payload.recipient,
        "languages": json.dumps(payload.languages),
        "template": payload.template,
        "context": json.dumps(payload.context, ensure_ascii=False, sort_keys=True),
    }


def _payload_of(row: Any) -> Payload:
    languages, context = tuple(json.loads(row["languages"])), json.loads(row["context"])
    return PAYLOADS[CommandKind(row["kind"])](row["recipient"], languages, row["template"], context)


def readable(row: Any) -> StoredCommand | None:
    """Read a row, None where it is not what was written: another program or a broken disk was at it."""
    try:
        return stored_command(row)
    except (ValueError, TypeError, OverflowError):
        return None


def stored_command(row: Any) -> StoredCommand:
    """Build a stored command from its row."""
    command = Command(
        id=row["id"],
        payload=_payload_of(row),
        workflow=row["workflow"],
        incident=row["incident"],
        organization=row["organization"],
        created_at=from_micros(row["created_at"]),
        hold=row["last_reason"] if row["state"] == "held" else "",
        precedence=Precedence(row["precedence"]),
    )
    return StoredCommand(
        command=command,
        state=row["state"],
        attempts=row["attempts"],
        since=from_micros(row["since"]),
        next_at=from_micros(row["next_at"]),
        settled_at=from_micros(row["settled_at"]) if row["settled_at"] is not None else None,
        last_reason=row["last_reason"],
    )
