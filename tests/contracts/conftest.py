"""Stores of each kind of database, for the suites that hold each family of tables to one contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from credwatch.store.database import Database, declared
from postgresql_server import Server

KINDS = ("sqlite", "postgresql")
"""The databases that a store may be on; `on_KIND` is an empty one."""


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Database]:
    """Make an empty store in a file."""
    database = Database(tmp_path / "store.sqlite")
    database.migrate()
    yield database
    database.close()


@pytest.fixture(scope="session")
def on_a_server(postgresql: Server) -> Iterator[Database]:
    """Make one store on the server for all tests of a process."""
    database = Database(postgresql.empty_database())
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def on_postgresql(on_a_server: Database) -> Database:
    """Empty the store on the server."""
    names = ", ".join(f'"{name}"' for name in declared().tables)
    with on_a_server.writing() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    return on_a_server


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest) -> Database:
    """Give an empty store, on each kind of database in turn."""
    store: Database = request.getfixturevalue(f"on_{request.param}")
    return store
