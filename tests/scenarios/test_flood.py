"""A flood of incidents at many customers: another customer's notice leaves among the first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.daemon import RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.lines import app_guessing
from scenarios.post_office import PostOffice, a_post_office
from scenarios.site_files import STAFF

LAST = "last"
"""The customer that comes behind the flood."""
SIZES = [pytest.param(5, 24, id="small"), pytest.param(50, 60, id="whole", marks=pytest.mark.slow)]
"""How many customers, and how many takeovers at each."""


def _customer(name: str) -> str:
    return f"""
[[customer]]
id = "{name}"
name = "{name}"
language = "en"
notice_addresses = ["a@{name}.example", "b@{name}.example"]
recognise = {{ organizations = ["{name}"], email_domains = ["{name}.example"] }}
"""


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """Run a mail server."""
    with a_post_office() as running:
        yield running


@pytest.mark.parametrize(("customers", "takeovers"), SIZES)
def test_a_takeover_behind_a_flood_is_told_before_it(
    customers: int, takeovers: int, office: PostOffice, tmp_path: Path
) -> None:
    """While all the others wait, its notices are accepted within a minute."""
    names = [f"customer-{number}" for number in range(customers)]
    register = "".join(map(_customer, [*names, LAST]))
    registers = {"customers": register, "staff": STAFF, "authorisations": ""}
    with a_site(tmp_path, office.port, registers=registers, command=RUN_UNCHECKED) as site:
        office.is_awake.clear()
        site.started()
        flood = [
            line
            for turn in range(takeovers)
            for number, name in enumerate(names)
            for line in app_guessing(60, f"u{turn}@{name}.example", name, f"203.{number}.{turn // 200}.{turn % 200}")
        ]
        append(site.application_log, *flood)
        await_(lambda: site.lines_taken() == len(flood), what="the flood is taken", seconds=900)
        append(site.application_log, *app_guessing(90, f"lan@{LAST}.example", LAST, "198.51.100.9"))
        await_(lambda: _of_last(site), what="the last takeover is found")
        began = time.monotonic()
        office.is_awake.set()
        mine = {f"a@{LAST}.example", f"b@{LAST}.example"}
        await_(lambda: mine <= {letter.recipient for letter in list(office.letters)}, what="it is told")
        assert time.monotonic() - began < 60
        place = max(at for at, letter in enumerate(list(office.letters)) if letter.recipient in mine)
        lanes = len({stored.command.lane for stored in site.messages()})
        assert place < 3 * (lanes + 1), (
            "a turn of all the others for each of its two, and what was under way, came before"
        )


def _of_last(site: Site) -> list[str]:
    waiting = [stored.command for stored in site.messages("queued", "sending")]
    return [command.id for command in waiting if command.organization == LAST]
