"""Short transactions on a store, of any kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from credwatch.store.dialect.interface import Dialect


@contextmanager
def writing(dialect: Dialect) -> Iterator[Connection]:
    """Give a connection whose transaction has the store alone; leaving the block commits, an exception rolls back."""
    with _transaction(dialect, dialect.begin_writing, end="COMMIT") as connection:
        yield connection


@contextmanager
def reading(dialect: Dialect) -> Iterator[Connection]:
    """Give a connection that sees one consistent state."""
    with _transaction(dialect, dialect.begin_reading, end="ROLLBACK") as connection:
        yield connection


@contextmanager
def _transaction(dialect: Dialect, begin: Callable[[Connection], None], end: str) -> Iterator[Connection]:
    try:
        with dialect.engine.connect() as connection:
            try:
                begin(connection)
                yield connection
            except BaseException:
                # A full disk makes SQLite roll back by itself, and a server that is gone has done so too.
                with suppress(SQLAlchemyError):
                    connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql(end)
    except SQLAlchemyError as error:
        raise dialect.error(error) from error
