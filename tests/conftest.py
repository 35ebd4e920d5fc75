"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import typer.testing
from hypothesis import settings
from sqlalchemy import Engine, event

from credwatch.store.dialect import sqlite
from mariadb_server import MariaServer, a_maria_server, program
from postgresql_server import Server, programs, the_server
from scenarios.daemon import IN_FILES, ON_A_SERVER, STORES
from statement_plans import Watch


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the stores of all sites be on a server: `make stores`."""
    parser.addoption("--store", choices=(IN_FILES, ON_A_SERVER), default=IN_FILES, help="where sites have their stores")


def pytest_configure(config: pytest.Config) -> None:
    """Hand the option on."""
    STORES["usual"] = config.getoption("store")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the file of the store, where there is none."""
    if config.getoption("store") == ON_A_SERVER:
        for item in items:
            if item.get_closest_marker("store_file"):
                item.add_marker(pytest.mark.skip(reason="is about the file of a store"))


# How long an example takes says more about the machine than about the code.
settings.register_profile("credwatch", deadline=None)
settings.load_profile("credwatch")

_MADE = sqlite._made


@cache
def _a_new_store() -> bytes:
    """Make one store by its migrations, as the product does."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        path.touch()
        _MADE(path)
        return path.read_bytes()


# The twenty migrations of a new store take half a second, and a thousand tests want one: each gets a copy of the first.
def _made_alike(path: Path) -> None:
    path.write_bytes(_a_new_store())


sqlite._made = _made_alike

# To make the tree of a hundred commands from their signatures takes half a second, and hundreds of tests call one.
typer.testing._get_command = cache(typer.testing._get_command)

_WATCH = Watch()
event.listen(Engine, "before_cursor_execute", _WATCH.note)


@pytest.fixture(autouse=True)
def no_statement_reads_all_that_was() -> Iterator[None]:
    """Fail where the product sends a statement that reads all of a table that grows with time."""
    yield
    assert [] == _WATCH.take()


@pytest.fixture
def made_by_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each store made as the product makes it, for tests of the making."""
    monkeypatch.setattr(sqlite, "_made", _MADE)


@pytest.fixture(scope="session")
def postgresql() -> Server:
    """Run one PostgreSQL server for all tests of a process."""
    if programs() is None:
        pytest.skip("needs the Debian package postgresql")
    return the_server()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaServer]:
    """Run one MariaDB server for all tests of a process."""
    if program() is None:
        pytest.skip("needs the Debian package mariadb-server-core")
    with a_maria_server() as server:
        yield server
