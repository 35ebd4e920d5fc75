"""The tables of what is seen and what is not: when each source spoke last, its rhythm, and blind intervals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.json import encode
from sqlalchemy import Column, Connection, Index, Table, Text, select, text

from credwatch.kernel.blindness import BlindInterval, Blindness
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.statements import many

ALIVE = "alive"
"""The engine's value that says when the daemon was last about, RFC 3339."""
BACKED_UP = "backed_up"
"""The engine's value that says when the latest backup was made, RFC 3339."""

source_times = Table(
    "source_times",
    metadata,
    Column("source", Text, primary_key=True),
    Column("heard", Number, nullable=False),  # when its latest line was read
    Column("happened", Number),  # the event time of its latest event; null before the first
)

rhythms = Table(
    "rhythms",
    metadata,
    Column("source", Text, primary_key=True),
    Column("document", Text, nullable=False),  # JSON, whose reader knows its form
)

blind_intervals = Table(
    "blind_intervals",
    metadata,
    Column("source", Text, primary_key=True),  # empty for all
    Column("reason", Text, primary_key=True),
    Column("started", Number, primary_key=True),
    Column("ended", Number),  # null while it lasts
    Index("blind_intervals_ended", "ended"),
    Index("blind_intervals_open", "started", sqlite_where=text("ended IS NULL")),
)


class SourceTimes(Struct, frozen=True):
    """When a source spoke last."""

    heard_at: datetime
    """When its latest line was read, UTC."""
    happened_at: datetime | None
    """The time that its latest event states; None where no line was an event."""


def note_times(connection: Connection, times: Iterable[tuple[str, datetime, datetime | None]]) -> None:
    """Note of sources when their latest line was read, and the time of their latest event."""
    many(
        connection,
        "INSERT INTO source_times (source, heard, happened) VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE"
        " SET heard = excluded.heard, happened = coalesce(excluded.happened, source_times.happened)",
        [
            (source, to_micros(heard), None if happened is None else to_micros(happened))
            for source, heard, happened in times
        ],
    )


def all_times(connection: Connection) -> dict[str, SourceTimes]:
    """Return when each source spoke last; those that never did are left out."""
    return {
        source: SourceTimes(from_micros(heard), None if happened is None else from_micros(happened))
        for source, heard, happened in connection.execute(select(*source_times.c))
    }


def save_rhythms(connection: Connection, documents: Iterable[tuple[str, object]]) -> None:
    """Remember the rhythms of sources: values that are JSON."""
    many(
        connection,
        "INSERT INTO rhythms (source, document) VALUES (?, ?)"
        " ON CONFLICT (source) DO UPDATE SET document = excluded.document",
        [(source, encode(document).decode()) for source, document in documents],
    )


def all_rhythms(connection: Connection) -> dict[str, str]:
    """Return the rhythm of each source, as JSON."""
    return {source: document for source, document in connection.execute(select(*rhythms.c))}


def save_intervals(connection: Connection, intervals: Iterable[BlindInterval]) -> None:
    """Store intervals, or that they have ended; one is known by source, reason and beginning."""
    many(
        connection,
        "INSERT INTO blind_intervals (source, reason, started, ended) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (source, reason, started) DO UPDATE SET ended = excluded.ended",
        [
            (
                it.source,
                it.reason.value,
                to_micros(it.started_at),
                None if it.ended_at is None else to_micros(it.ended_at),
            )
            for it in intervals
        ],
    )


def open_intervals(connection: Connection) -> list[BlindInterval]:
    """Return the intervals that last, those that began first first."""
    table = blind_intervals.c
    query = select(*table).where(table.ended.is_(None)).order_by(table.started)
    return [_interval(*row) for row in connection.execute(query)]


def intervals_between(connection: Connection, since: datetime, until: datetime) -> list[BlindInterval]:
    """Return the intervals that overlap a time, both ends included, those that began first first."""
    table = blind_intervals.c
    ended = select(*table).where(table.ended >= to_micros(since), table.started <= to_micros(until))
    over = [_interval(*row) for row in connection.execute(ended)]
    lasting = [it for it in open_intervals(connection) if it.started_at <= until]
    return sorted([*over, *lasting], key=lambda it: (it.started_at, it.source, it.reason))


def _interval(source: str, reason: str, started: int, ended: int | None) -> BlindInterval:
    return BlindInterval(source, Blindness(reason), from_micros(started), None if ended is None else from_micros(ended))
