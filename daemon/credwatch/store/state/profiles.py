"""The table of the accounts' habits: what each batch has changed, in the order of the batches."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Connection, LargeBinary, Table, delete, select

from credwatch.store.columns import Number
from credwatch.store.database import metadata

profiles = Table(
    "profiles",
    metadata,
    Column("id", Number, primary_key=True),
    Column("rows", LargeBinary, nullable=False),  # hashes and times, understood by the enricher alone
)


def add_profiles(connection: Connection, parts: Iterable[bytes], *, instead: bool) -> None:
    """Append changed rows; with `instead`, put them in the place of all that is there."""
    if instead:
        connection.execute(delete(profiles))
    rows = [{"rows": part} for part in parts]
    if rows:
        connection.execute(profiles.insert(), rows)


def all_profiles(connection: Connection) -> list[bytes]:
    """Return the rows in the order they were stored."""
    return list(connection.execute(select(profiles.c.rows).order_by(profiles.c.id)).scalars())
