"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from sqlalchemy import Engine, event

from postgresql_server import Server, a_server, programs
from statement_plans import Watch

# How long an example takes says more about the machine than about the code.
settings.register_profile("credwatch", deadline=None)
settings.load_profile("credwatch")

_WATCH = Watch()
event.listen(Engine, "before_cursor_execute", _WATCH.note)


@pytest.fixture(autouse=True)
def no_statement_reads_all_that_was() -> Iterator[None]:
    """Fail where the product sends a statement that reads all of a table that grows with time."""
    yield
    assert [] == _WATCH.take()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """Run one PostgreSQL server for all tests of a process."""
    if programs() is None:
        pytest.skip("needs the Debian package postgresql")
    with a_server() as server:
        yield server
