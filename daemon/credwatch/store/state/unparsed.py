"""The lines that no pack knew: read back by who asks for them, and let go once a pack has read them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, select

from credwatch.store.moments import from_micros
from credwatch.store.state.progress import unparsed
from credwatch.store.statements import many


class UnparsedLine(Struct, frozen=True):
    """A line that nothing read."""

    id: int
    """Its number in the store; later lines have higher ones."""
    source: str
    """The source."""
    file: str
    """The file or stream within it."""
    position: int
    """The byte offset behind it in its file."""
    received_at: datetime
    """When it was read, UTC."""
    reason: str
    """Why nothing read it."""
    line: str
    """The line, secrets masked."""


def unparsed_lines(connection: Connection) -> list[UnparsedLine]:
    """Return all that are kept, in the order in which they were read; the store bounds how many there are."""
    columns = unparsed.c
    query = select(
        columns.id, columns.source, columns.file, columns.position, columns.received, columns.reason, columns.line
    ).order_by(columns.id)
    return [
        UnparsedLine(number, source, file, position, from_micros(received), reason, line)
        for number, source, file, position, received, reason, line in connection.execute(query)
    ]


def forget_unparsed(connection: Connection, ids: Collection[int]) -> None:
    """Let lines go that have been read after all."""
    many(connection, "DELETE FROM unparsed WHERE id = ?", [(number,) for number in ids])
