"""Keeps legal clocks: the time each duty leaves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, Index, Row, Table, Text, func, select
from sqlalchemy.dialects.sqlite import insert

from credwatch.kernel.command import LegalClock
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros

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
    Index("legal_clocks_duty", "workflow", "incident", "organization"),
)
"""One row for each duty's clock."""


def save_clocks(connection: Connection, given: Iterable[LegalClock]) -> None:
    """Start clocks, or note that they were met or escalated.

    A known clock keeps its start and end, and the first moment it was met or escalated.
    """
    for clock in given:
        added = insert(legal_clocks).values(
            id=clock.id,
            workflow=clock.workflow,
            incident=clock.incident,
            organization=clock.organization,
            started_at=to_micros(clock.started_at),
            due_at=to_micros(clock.due_at),
            met_at=to_micros(clock.met_at) if clock.met_at else None,
            escalated_at=to_micros(clock.escalated_at) if clock.escalated_at else None,
        )
        kept = {
            "met_at": func.coalesce(legal_clocks.c.met_at, added.excluded.met_at),
            "escalated_at": func.coalesce(legal_clocks.c.escalated_at, added.excluded.escalated_at),
        }
        connection.execute(added.on_conflict_do_update(index_elements=["id"], set_=kept))


def running_clocks(connection: Connection) -> list[LegalClock]:
    """List the clocks that are not met, escalated ones too; the one that runs out first comes first."""
    table = legal_clocks
    running = select(table).where(table.c.met_at.is_(None)).order_by(table.c.due_at, table.c.id)
    return [_clock(row) for row in connection.execute(running)]


def meet(connection: Connection, workflow: str, incident: str, organization: str, now: datetime) -> None:
    """Stop the running clocks of one duty toward one customer."""
    table = legal_clocks
    connection.execute(
        table.update()
        .where(table.c.workflow == workflow, table.c.incident == incident)
        .where(table.c.organization == organization, table.c.met_at.is_(None))
        .values(met_at=to_micros(now))
    )


def _clock(row: Row[tuple[object, ...]]) -> LegalClock:
    return LegalClock(
        id=row.id,
        workflow=row.workflow,
        incident=row.incident,
        organization=row.organization,
        started_at=from_micros(row.started_at),
        due_at=from_micros(row.due_at),
        met_at=None if row.met_at is None else from_micros(row.met_at),
        escalated_at=None if row.escalated_at is None else from_micros(row.escalated_at),
    )
