"""Keeps legal clocks: the time each duty leaves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, Row, Table, Text, select, text

from credwatch.kernel.command import LegalClock
from credwatch.kernel.moment import Moment
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.statements import many

legal_clocks = Table(
    "legal_clocks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("met_at", BigInteger),
    Column("escalated_at", BigInteger),
    Column(
        "starts", Text, nullable=False, server_default="occurred"
    ),  # the moment that it started at, such as detected
    Column("held", Boolean, nullable=False, server_default=text("0")),
    Column("released_at", BigInteger),
    Column("waived_at", BigInteger),
    Index("legal_clocks_duty", "workflow", "incident", "organization"),
    Index("legal_clocks_incident", "incident"),
    Index("legal_clocks_running", "due_at", "id", sqlite_where=text("met_at IS NULL AND waived_at IS NULL")),
)
"""One row for each duty's clock."""


_ONCE = ("met_at", "escalated_at", "released_at", "waived_at")
"""What happens to a clock once."""


_SAVE = """
INSERT INTO legal_clocks (id, workflow, incident, organization, started_at, due_at, starts, held,
    met_at, escalated_at, released_at, waived_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET held = legal_clocks.held AND excluded.held,
    met_at = coalesce(legal_clocks.met_at, excluded.met_at),
    escalated_at = coalesce(legal_clocks.escalated_at, excluded.escalated_at),
    released_at = coalesce(legal_clocks.released_at, excluded.released_at),
    waived_at = coalesce(legal_clocks.waived_at, excluded.waived_at)
"""


def save_clocks(connection: Connection, given: Iterable[LegalClock]) -> None:
    """Start clocks, or note that they were met or escalated.

    A known clock keeps its start and end, and the first moment it was met, escalated or released.
    """
    rows = [
        (
            clock.id,
            clock.workflow,
            clock.incident,
            clock.organization,
            to_micros(clock.started_at),
            to_micros(clock.due_at),
            clock.starts.value,
            clock.held,
            *(_micros(getattr(clock, name)) for name in _ONCE),
        )
        for clock in given
    ]
    many(connection, _SAVE, rows)


def running_clocks(connection: Connection) -> list[LegalClock]:
    """List the clocks that are neither met nor waived, escalated ones too; the one that runs out first comes first."""
    table = legal_clocks
    running = select(table).where(table.c.met_at.is_(None), table.c.waived_at.is_(None))
    return [_clock(row) for row in connection.execute(running.order_by(table.c.due_at, table.c.id))]


def clocks_of(connection: Connection, incident: str) -> list[LegalClock]:
    """List the clocks of an incident, ended ones too, in the order of their ends."""
    table = legal_clocks
    rows = connection.execute(select(table).where(table.c.incident == incident).order_by(table.c.due_at, table.c.id))
    return [_clock(row) for row in rows]


def waive(connection: Connection, workflow: str, incident: str, organization: str, now: datetime) -> None:
    """End the running clocks of a duty that a person decided not to do."""
    table = legal_clocks
    connection.execute(
        table.update()
        .where(table.c.workflow == workflow, table.c.incident == incident)
        .where(table.c.organization == organization, table.c.met_at.is_(None), table.c.waived_at.is_(None))
        .values(waived_at=to_micros(now), held=False)
    )


def release_clocks(connection: Connection, workflow: str, incident: str, organization: str, now: datetime) -> None:
    """Note that the held messages of a duty were let go."""
    table = legal_clocks
    connection.execute(
        table.update()
        .where(table.c.workflow == workflow, table.c.incident == incident)
        .where(table.c.organization == organization, table.c.held)
        .values(held=False, released_at=to_micros(now))
    )


def _clock(row: Row[tuple[object, ...]]) -> LegalClock:
    return LegalClock(
        id=row.id,
        workflow=row.workflow,
        incident=row.incident,
        organization=row.organization,
        started_at=from_micros(row.started_at),
        due_at=from_micros(row.due_at),
        starts=Moment(row.starts),
        held=row.held,
        **{name: _moment(getattr(row, name)) for name in _ONCE},
    )


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
