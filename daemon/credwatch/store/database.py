"""The store: short transactions, whatever database it is on."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, MetaData

from credwatch.store.dialect.interface import Dialect
from credwatch.store.dialect.sqlite import SqliteDialect
from credwatch.store.place import ServerPlace
from credwatch.store.transactions import reading, writing

metadata = MetaData()
"""Every table of the store; each table family adds its own in its own file."""


class Database:
    """The store: a SQLite file, or a schema on a PostgreSQL server.

    `writing` and `reading` give a connection inside a transaction; leaving the block commits, an exception rolls
    back. Driver errors become StoreError, so callers know nothing of SQL. Safe to use from several threads, each
    with its own block.
    """

    def __init__(self, place: Path | str | ServerPlace, *, durable: bool = True) -> None:
        """Open the store; `durable=False` is for a file that is thrown away.

        Nobody may read that one beside its writer, and a transaction of it that fails is not taken back.
        """
        self.place = place
        self.dialect = _dialect(place, durable)
        self.where = self.dialect.where
        self.engine = self.dialect.engine

    def migrate(self) -> None:
        """Bring the schema to the newest version, or make the store; may be called on every start."""
        if not self.is_current():
            self.dialect.migrate(declared)

    def create(self) -> None:
        """Make every table that has been declared, at once and without a version: for files that are thrown away."""
        if not isinstance(self.dialect, SqliteDialect):
            raise TypeError("only files are thrown away")
        self.dialect.create(lambda: metadata)

    def is_current(self) -> bool:
        """Say whether the store is there and its schema at the newest version; raises StoreError."""
        return self.dialect.is_current()

    def claim(self) -> None:
        """Keep other daemons from this store until `close`; raises StoreError where one has it."""
        self.dialect.claim()

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a connection whose transaction has the store alone from its start."""
        return writing(self.dialect)

    def reading(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees one consistent state."""
        return reading(self.dialect)

    def tidy(self) -> None:
        """Refresh what the query planner knows, and let the log of the store shrink; raises StoreError."""
        self.dialect.tidy()

    def give_back(self) -> None:
        """Give some of what was deleted back to the disk; raises StoreError."""
        self.dialect.give_back()

    def close(self) -> None:
        """Close every connection; the database may not be used afterwards."""
        self.dialect.close()


def declared() -> MetaData:
    """Return every table of the store, whoever has used which of them so far."""
    import_module("credwatch.store.tables")
    return metadata


def _dialect(place: Path | str | ServerPlace, durable: bool) -> Dialect:
    if isinstance(place, ServerPlace):
        # Its driver is for those alone who have such a server.
        from credwatch.store.dialect.postgresql import PostgresqlDialect

        return PostgresqlDialect(place)
    return SqliteDialect(place, durable=durable)
