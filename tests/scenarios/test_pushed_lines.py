"""Lines that shippers push: they lead to incidents, and each counts once, whenever the daemon dies."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from child_server import a_free_port
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, await_
from scenarios.lines import app_guessing, guessing, ssh
from scenarios.post_office import a_post_office
from scenarios.pushing import PatientShipper, port_in, pushed_settings

KILLS = 2
BATCHES = 16
SEED = 20261127


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Furnish a site that is pushed to."""
    port = a_free_port()
    settings = pushed_settings(port)
    with (
        a_post_office() as office,
        a_site(tmp_path, office.port, settings=settings, command=RUN_UNCHECKED) as furnished,
    ):
        yield furnished


def test_pushed_lines_lead_to_an_incident_and_are_answered_after_the_commit(site: Site) -> None:
    """When a push of attack lines is answered, they are in the store, and so is the incident that they make."""
    site.started()
    shipper = PatientShipper(port_in(site))
    answer = shipper.post("/lines", "".join(f"{line}\n" for line in guessing(0, "quocbao", "203.0.113.7")))
    assert (200, {"taken": 11, "refused": 0, "errors": []}) == (answer.status_code, answer.json())
    assert 11 == site.lines_taken()
    assert site.kinds()["account_takeover"] == 1
    documents = app_guessing(0, "ke.toan@haiau.example", "hai-au", "203.0.113.9")
    assert 200 == shipper.post("/lines", "\n".join(documents), **{"Content-Type": "application/x-ndjson"}).status_code
    assert site.kinds()["account_takeover"] == 2
    assert 2 == site.metric('credwatch_push_requests_total{outcome="taken",source="shipped"}')


def test_every_pushed_line_counts_once_whenever_the_daemon_is_killed(site: Site) -> None:
    """A shipper that sends each batch until it is taken never loses a line, and none counts twice."""
    chance = random.Random(SEED)
    batches = [
        [ssh(number * 60 + n, "Accepted", f"user{n}", "198.51.100.4", process=number * 100 + n) for n in range(40)]
        for number in range(BATCHES)
    ]
    site.started()
    shippers = [PatientShipper(port_in(site)) for _ in range(2)]
    stopped = threading.Event()

    def ship(shipper: PatientShipper, own: list[list[str]]) -> None:
        for batch in own:
            shipper.deliver(*batch)
        stopped.set()

    threads = [
        threading.Thread(target=ship, args=(shipper, batches[part::2]), daemon=True)
        for part, shipper in enumerate(shippers)
    ]
    for thread in threads:
        thread.start()
    for _ in range(KILLS):
        time.sleep(chance.random() * 1.0)
        site.kill()
        site.start()
        await_(lambda: "push.listening" in site.log(), what="the daemon listens again")
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    await_(lambda: site.lines_taken() >= 40 * BATCHES, what="all lines are taken")
    assert 0 == site.terminate()
    assert 40 * BATCHES == site.lines_taken()
    assert sum(shipper.sent for shipper in shippers) > BATCHES
