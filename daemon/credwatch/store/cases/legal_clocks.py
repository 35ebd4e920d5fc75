"""Keeps legal clocks: the time each duty leaves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, Row, Table, Text, select, text

from credwatch.kernel.command import LEGAL_REPORT, LegalClock
from credwatch.kernel.moment import Moment
from credwatch.store.cases.secrecy_orders import secret_incidents
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.statements import many

_WORDS = ("regime", "phase", "regime_version", "terms", "calendar", "reference", "late_reason")
"""What is text, and empty where it is not known."""


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
    *(Column(name, Text, nullable=False, server_default="") for name in _WORDS),
    Column("stops", Text, nullable=False, server_default="accepted"),  # the moment that meets it
    Column("soft_at", BigInteger),
    Column("warned_at", BigInteger),
    Index("legal_clocks_duty", "workflow", "incident", "organization"),
    Index("legal_clocks_incident", "incident"),
    Index("legal_clocks_running", "due_at", "id", sqlite_where=text("met_at IS NULL AND waived_at IS NULL")),
)
"""One row for each duty's clock."""


_ONCE = ("met_at", "escalated_at", "released_at", "waived_at", "warned_at")
"""What happens to a clock once."""


_SAVE = """
INSERT INTO legal_clocks (id, workflow, incident, organization, started_at, due_at, starts, held,
    met_at, escalated_at, released_at, waived_at, warned_at, stops, soft_at,
    regime, phase, regime_version, terms, calendar, reference, late_reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET held = legal_clocks.held AND excluded.held,
    met_at = coalesce(legal_clocks.met_at, excluded.met_at),
    escalated_at = coalesce(legal_clocks.escalated_at, excluded.escalated_at),
    released_at = coalesce(legal_clocks.released_at, excluded.released_at),
    waived_at = coalesce(legal_clocks.waived_at, excluded.waived_at),
    warned_at = coalesce(legal_clocks.warned_at, excluded.warned_at)
"""

_MOVE = """
UPDATE legal_clocks SET started_at = ?, due_at = ?, soft_at = ?, calendar = ?
WHERE id = ? AND started_at > ? AND met_at IS NULL AND waived_at IS NULL
"""

_MEET = """
UPDATE legal_clocks SET met_at = ?, reference = ?, late_reason = ? WHERE id = ? AND met_at IS NULL
"""


_END = "UPDATE legal_clocks SET waived_at = ? WHERE id = ? AND met_at IS NULL AND waived_at IS NULL"

_REVIVE = "UPDATE legal_clocks SET waived_at = NULL WHERE id = ? AND met_at IS NULL"


def save_clocks(connection: Connection, clocks: Iterable[LegalClock]) -> None:
    """Start clocks, or note that they were met or escalated.

    A known clock keeps its start and end, and the first moment it was met, escalated or released.
    """
    clocks = [*clocks]
    secret = secret_incidents(connection) if clocks else frozenset()
    rows = [
        (
            clock.id,
            clock.workflow,
            clock.incident,
            clock.organization,
            to_micros(clock.started_at),
            to_micros(clock.due_at),
            clock.starts.value,
            clock.held or (clock.incident in secret and clock.workflow != LEGAL_REPORT),
            *(_micros(getattr(clock, name)) for name in _ONCE),
            clock.stops.value,
            _micros(clock.soft_at),
            *(getattr(clock, name) for name in _WORDS),
        )
        for clock in clocks
    ]
    many(connection, _SAVE, rows)


def move_clocks(connection: Connection, clocks: Iterable[LegalClock]) -> None:
    """Let running clocks start earlier, where it became known that their moment was before; never later."""
    rows = [
        (
            to_micros(clock.started_at),
            to_micros(clock.due_at),
            _micros(clock.soft_at),
            clock.calendar,
            clock.id,
            to_micros(clock.started_at),
        )
        for clock in clocks
    ]
    many(connection, _MOVE, rows)


def meet_clock(connection: Connection, identity: str, at: datetime, reference: str, late_reason: str) -> None:
    """Stop a clock whose duty a person did; the first time counts."""
    many(connection, _MEET, [(to_micros(at), reference, late_reason, identity)])


def end_clocks(connection: Connection, identities: Iterable[str], at: datetime) -> None:
    """End running clocks whose duty two people decided is none."""
    many(connection, _END, [(to_micros(at), identity) for identity in identities])


def revive_clocks(connection: Connection, identities: Iterable[str]) -> None:
    """Let clocks run on whose duty was decided to be none, and is one after all; from their old start."""
    many(connection, _REVIVE, [(identity,) for identity in identities])


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
    """End the running clocks of a contract's duty that a person decided not to do; a law's run on."""
    table = legal_clocks
    connection.execute(
        table.update()
        .where(table.c.workflow == workflow, table.c.incident == incident, table.c.terms == "")
        .where(table.c.organization == organization, table.c.met_at.is_(None), table.c.waived_at.is_(None))
        .values(waived_at=to_micros(now), held=False)
    )


def hold_clocks(connection: Connection, incident: str) -> None:
    """Note that what an incident owes customers waits; what it owes an authority does not."""
    table = legal_clocks
    about = (table.c.incident == incident) & (table.c.workflow != LEGAL_REPORT) & table.c.met_at.is_(None)
    connection.execute(table.update().where(about).values(held=True))


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
    once: dict[str, Any] = {name: _moment(getattr(row, name)) for name in _ONCE}
    words: dict[str, Any] = {name: getattr(row, name) for name in _WORDS}
    return LegalClock(
        id=row.id,
        workflow=row.workflow,
        incident=row.incident,
        organization=row.organization,
        started_at=from_micros(row.started_at),
        due_at=from_micros(row.due_at),
        starts=Moment(row.starts),
        held=row.held,
        stops=Moment(row.stops),
        soft_at=_moment(row.soft_at),
        **once,
        **words,
    )


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
