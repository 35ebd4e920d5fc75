"""The table of the latest lines behind the rows of windows, compressed, batch by batch."""

from __future__ import annotations

import zlib

from sqlalchemy import Column, Connection, LargeBinary, Table, delete, func, select

from credwatch.store.columns import Number
from credwatch.store.database import metadata

_EVERY = 64
"""Once in so many batches what is beyond the bound is deleted."""

trail = Table(
    "trail",
    metadata,
    Column("id", Number, primary_key=True),
    Column("lines", Number, nullable=False),  # how many they are
    Column("document", LargeBinary, nullable=False),  # as `Trail.settle` writes them, zlib
)


def add_lines(connection: Connection, document: bytes, lines: int, *, most: int) -> None:
    """Append the lines of a batch; of all, about the latest `most` are kept."""
    if not document:
        return
    row = {"lines": lines, "document": zlib.compress(document, 1)}
    newest = connection.execute(trail.insert(), row).inserted_primary_key
    if newest is not None and newest[0] % _EVERY == 0:
        behind = select(trail.c.id, func.sum(trail.c.lines).over(order_by=trail.c.id.desc()).label("behind")).subquery()
        beyond = select(func.max(behind.c.id)).where(behind.c.behind - most > 0).scalar_subquery()
        connection.execute(delete(trail).where(trail.c.id < beyond))


def lines_behind(connection: Connection) -> list[bytes]:
    """Return what was appended, in the order of storing."""
    documents = connection.execute(select(trail.c.document).order_by(trail.c.id)).scalars()
    return [zlib.decompress(document) for document in documents]
