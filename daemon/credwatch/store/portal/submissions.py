"""Which forms were sent already: what a browser sends twice is done once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Index, Table, Text

from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros
from credwatch.store.statements import many

_KEPT = timedelta(days=7)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Number, nullable=False),
    Index("submissions_at", "at"),
)


def is_first(connection: Connection, submission: str, now: datetime) -> bool:
    """Note a form that was sent, within the transaction of what it does; False where it was sent before."""
    connection.execute(submissions.delete().where(submissions.c.at < to_micros(now - _KEPT)))
    statement = "INSERT INTO submissions (id, at) VALUES (?, ?) ON CONFLICT DO NOTHING"
    return many(connection, statement, [(submission, to_micros(now))]) == 1
