"""A daemon whose store is on a PostgreSQL server goes on when that comes back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgresql_server import Server, a_server, programs
from scenarios.daemon import RUN_UNCHECKED, Site, a_site
from scenarios.post_office import a_post_office
from scenarios.test_killed_daemon import ROTATE, SEED, Step, Writer, a_story, settle


@pytest.fixture
def server() -> Iterator[Server]:
    """Run a server that this test alone may end."""
    if programs() is None:
        pytest.skip("needs the Debian package postgresql")
    with a_server() as server:
        yield server


@pytest.fixture(scope="module")
def story() -> list[Step]:
    """Tell of the two logs alone."""
    return [step for step in a_story() if not (step[0] + step[1]).startswith("hosts") and "hosts/" not in step[1]]


def test_the_server_restarts_under_a_daemon(story: list[Step], server: Server, tmp_path: Path) -> None:
    """A daemon that lives through a restart goes on by itself: every line is taken, every message delivered."""
    half = len(story) // 2
    with (
        a_post_office() as office,
        a_site(tmp_path, office.port, command=RUN_UNCHECKED, server=server.empty_database()) as site,
    ):
        site.started()
        _tell(site, story[:half])
        server.end()
        _tell(site, story[half:])
        server.start()
        settle(site, _lines(story))
        assert 0 == site.terminate()
        assert {1} == {len(contents) for contents in office.taken().values()}


def _tell(site: Site, steps: list[Step]) -> None:
    writer = Writer(site, steps, chance=random.Random(SEED), pause=0)
    writer.ask(len(steps))
    writer.run()


def _lines(story: list[Step]) -> int:
    return sum(log != ROTATE for log, _ in story)
