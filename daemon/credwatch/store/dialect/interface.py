"""What the store asks of a kind of database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection, Engine, MetaData

from credwatch.kernel.errors import StoreError

Declared = Callable[[], MetaData]
"""Gives every table of the store; it is called where a store is made, and loads all families of tables."""


class Dialect(Protocol):
    """One store on one kind of database; `Database` calls it from several threads.

    Connections of `engine` begin no transaction by themselves: `begin_writing` and `begin_reading` do, `COMMIT` and
    `ROLLBACK` end them. Methods that take no connection open their own, and raise StoreError; the others let the
    driver's errors through, and `error` says what those mean.
    """

    where: str
    """How errors name the store; no secret is in it."""
    engine: Engine
    """Opens its connections."""

    def begin_writing(self, connection: Connection) -> None:
        """Begin a transaction that has the store alone until it ends; raises StoreError where it may not write."""

    def begin_reading(self, connection: Connection) -> None:
        """Begin a transaction that sees one consistent state."""

    def is_current(self) -> bool:
        """Say whether a store is there with the newest schema; raises StoreError where it cannot be brought there."""

    def migrate(self, declared: Declared) -> None:
        """Make the store, or bring it to the newest schema, whole or not at all; may be called twice at once."""

    def claim(self) -> None:
        """Keep other daemons from this store until `close`; raises StoreError where one has it."""

    def tidy(self) -> None:
        """Refresh what the database knows of the tables, and give back what it has written aside."""

    def give_back(self) -> None:
        """Give some of what was deleted back to the disk."""

    def size(self, connection: Connection) -> int:
        """Tell how many bytes the store takes."""

    def error(self, error: Exception) -> StoreError:
        """Turn an error of the driver into one of ours, which names no values."""

    def close(self) -> None:
        """Close every connection; the store may not be used afterwards."""
