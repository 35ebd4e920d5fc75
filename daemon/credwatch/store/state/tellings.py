"""Keeps what each reader was told of an incident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.json import Decoder, Encoder
from msgspec.structs import replace
from sqlalchemy import Boolean, Column, Connection, Index, Table, Text, select, text

from credwatch.store.database import metadata
from credwatch.store.statements import many
from credwatch.workflows.news import Duty, ReaderKnowledge

_DOCUMENT = Encoder()
_TOLD = Decoder(ReaderKnowledge)
_AT_ONCE = 500

tellings = Table(
    "tellings",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("workflow", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("told", Text, nullable=False),  # the Told, JSON
    Column("waits", Boolean, nullable=False),  # whether news waits for its turn
    Index("tellings_waiting", "incident", sqlite_where=text("waits = 1")),
)
"""One row for each reader of an incident who has been written to."""


def tellings_of(connection: Connection, numbers: Iterable[str]) -> dict[Duty, ReaderKnowledge]:
    """Tell what the readers of these incidents know."""
    some, knowledge = sorted(set(numbers)), dict[Duty, ReaderKnowledge]()
    table = tellings.c
    for start in range(0, len(some), _AT_ONCE):
        query = select(table.workflow, table.incident, table.organization, table.told, table.waits)
        rows = connection.execute(query.where(table.incident.in_(some[start : start + _AT_ONCE])))
        for *duty, document, waits in rows:
            knowledge[Duty(*duty)] = replace(_TOLD.decode(document), waits=bool(waits))
    return knowledge


def waiting_incidents(connection: Connection) -> list[str]:
    """Name the incidents of which news waits for its turn."""
    query = select(tellings.c.incident).distinct().where(tellings.c.waits).order_by(tellings.c.incident)
    return list(connection.execute(query).scalars())


def wait_for_news(connection: Connection, readers: Iterable[tuple[str, str]]) -> None:
    """Have it looked by the clock what is new to customers who were told, by incident and customer."""
    table = tellings.c
    for incident, organization in sorted(readers):
        reader = (table.incident == incident) & (table.organization == organization)
        notice = tellings.update().where(reader, table.workflow == "customer_notice")
        connection.execute(notice.values(waits=True))


def save_tellings(connection: Connection, knowledge_of: Mapping[Duty, ReaderKnowledge]) -> None:
    """Note what readers know now."""
    rows = [
        (duty.incident, duty.workflow, duty.organization, _DOCUMENT.encode(knowledge).decode(), knowledge.waits)
        for duty, knowledge in knowledge_of.items()
    ]
    many(
        connection,
        "INSERT INTO tellings (incident, workflow, organization, told, waits) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (incident, workflow, organization) DO UPDATE SET told = excluded.told, waits = excluded.waits",
        rows,
    )
