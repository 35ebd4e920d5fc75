"""What services and databases have: it leads to incidents, and counts once, whenever the daemon dies."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rest_services import OktaServer, a_service, okta_event
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, await_
from scenarios.post_office import a_post_office
from scenarios.pulling import service_source, table_source
from scenarios.site_files import SETTINGS
from unit.sources.sql.tables import SqliteTable, logins

KILLS = 2
ROUNDS = 6
SEED = 20261128


@pytest.fixture
def server() -> Iterator[OktaServer]:
    """Run a service of small pages."""
    with a_service(OktaServer) as service:
        service.most = 20
        yield service


@pytest.fixture
def site(tmp_path: Path, server: OktaServer) -> Iterator[Site]:
    """Furnish a site that asks a service and a database."""
    sources = service_source(server, tmp_path) + table_source(SqliteTable(tmp_path))
    settings = SETTINGS + sources.replace("{", "{{").replace("}", "}}")
    with (
        a_post_office() as office,
        a_site(tmp_path, office.port, settings=settings, command=RUN_UNCHECKED) as furnished,
    ):
        yield furnished


def test_events_of_a_service_lead_to_an_incident(site: Site, server: OktaServer) -> None:
    """Guesses at an account, and then a login, that only the service knows of open a case of its customer."""
    site.started()
    begin = time.time() - 60
    lan = {"id": "00u1", "type": "User", "alternateId": "lan@haiau.example"}
    server.add(*(okta_event(number, begin + 2 * number, actor=lan) for number in range(10)))
    server.add(okta_event(11, begin + 25, actor=lan, outcome={"result": "SUCCESS", "reason": None}))
    await_(lambda: site.kinds()["account_takeover"] == 1, what="the case is open")
    assert ["hai-au"] == [it.organization for it in site.incidents() if it.kind == "account_takeover"]


def test_every_item_counts_once_whenever_the_daemon_is_killed(site: Site, server: OktaServer) -> None:
    """Events and rows come while the daemon is killed again and again; none is missing, and none counts twice."""
    chance = random.Random(SEED)
    table = SqliteTable(site.folder)
    site.started()
    kills = sorted(chance.sample(range(1, ROUNDS), KILLS))
    for number in range(ROUNDS):
        if number in kills:
            await_(lambda number=number: site.lines_taken() > 40 * number, what="some lines are taken")
            time.sleep(chance.random() * 0.5)
            site.kill()
            site.start()
        server.add(*(okta_event(number * 100 + at, time.time()) for at in range(60)))
        table.run(logins(*range(number * 100 + 1, number * 100 + 61)))
    await_(lambda: site.lines_taken() >= 120 * ROUNDS, what="all lines are taken")
    asked = len(server.asked)
    await_(lambda: len(server.asked) > asked + 2, what="it is asked again")
    assert 0 == site.terminate()
    assert 120 * ROUNDS == site.lines_taken()
