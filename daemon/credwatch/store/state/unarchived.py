"""The table of events that are not in the archive's files yet: each batch's come with its commit, and go once moved.

A number is never given twice: what has been moved is known by it, though its row may still be there.
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import Column, Connection, Index, LargeBinary, Table, delete, func, select

from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.state import progress

_LATEST = "archive_number"
_MOST_AT_ONCE = 5_000

unarchived = Table(
    "unarchived",
    metadata,
    Column("number", Number, primary_key=True),
    Column("events", Number, nullable=False),  # how many
    Column("bytes", Number, nullable=False),
    Column("packed", LargeBinary, nullable=False),  # as archive/form.py writes them
    Index("unarchived_sizes", "number", "events", "bytes"),  # so that nobody reads events to tell how many they are
)


class Waiting(Struct, frozen=True):
    """Events of one batch that wait for the archive."""

    number: int
    """Their number, in the order of the commits."""
    packed: bytes
    """The events."""


class WaitingState(Struct, frozen=True):
    """How much waits."""

    events: int
    """Events."""
    bytes: int
    """Bytes."""


def add(connection: Connection, events: int, packed: bytes) -> None:
    """Keep the events of a batch, under the next number."""
    number = latest_number(connection) + 1
    row = {"number": number, "events": events, "bytes": len(packed), "packed": packed}
    connection.execute(unarchived.insert(), row)
    _note(connection, number)


def latest_number(connection: Connection) -> int:
    """Tell the number that was given last; 0 before the first."""
    return int(progress.value(connection, _LATEST) or b"0")


def begin_behind(connection: Connection, number: int, *, given_before: int) -> None:
    """Let no number mean two batches, where the archive has higher ones than the store knew when the daemon started.

    So it is after an older store was put back, or another one. What has come since the start gets numbers behind those
    of the archive; what was there before, the archive has.
    """
    ahead = number - given_before
    if ahead <= 0:
        return
    columns = unarchived.c
    # First out of the way of each other: a number may not be there twice at any moment.
    connection.execute(
        unarchived.update().where(columns.number > given_before).values(number=-(columns.number + ahead))
    )
    connection.execute(unarchived.update().where(columns.number < 0).values(number=-columns.number))
    _note(connection, latest_number(connection) + ahead)


def waiting(connection: Connection, behind: int, most_bytes: int) -> list[Waiting]:
    """Return what waits with higher numbers than one, in order: about so many bytes, but one batch at least."""
    columns = unarchived.c
    beyond = select(columns.number, columns.bytes).where(columns.number > behind)
    sizes = connection.execute(beyond.order_by(columns.number).limit(_MOST_AT_ONCE))
    last, size = behind, 0
    for number, bytes_ in sizes:
        if size and size + bytes_ > most_bytes:
            break
        last, size = number, size + bytes_
    rows = select(columns.number, columns.packed).where(columns.number > behind, columns.number <= last)
    return [Waiting(number, packed) for number, packed in connection.execute(rows.order_by(columns.number))]


def forget_moved(connection: Connection, upto: int) -> None:
    """Let go what has been moved: all up to a number."""
    connection.execute(delete(unarchived).where(unarchived.c.number <= upto))


def state(connection: Connection) -> WaitingState:
    """Say how much waits."""
    columns = unarchived.c
    events, size = connection.execute(select(func.sum(columns.events), func.sum(columns.bytes))).one()
    return WaitingState(int(events or 0), int(size or 0))


def _note(connection: Connection, number: int) -> None:
    progress.save_value(connection, _LATEST, str(number).encode())
