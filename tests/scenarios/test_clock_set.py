"""The machine's clock is set while the daemon runs, and while it does not: nothing waits for as long as it was set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.daemon import Site, a_site, append, await_
from scenarios.lines import guessing
from scenarios.post_office import PostOffice, a_post_office
from scenarios.site_files import SETTINGS

_RUN_BY_A_CLOCK_THAT_IS_SET = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from credwatch.service.supervisor import Supervisor
from credwatch.kernel.clock import system_clock
from credwatch.telemetry.logs import configure_logs
config = Path(sys.argv[1])
def clock():
    return system_clock() + timedelta(hours=float((config.parent / "set-by-hours").read_text()))
configure_logs("json")
asyncio.run(Supervisor(config, clock=clock).run())
"""
STEPS = pytest.mark.parametrize("hours", [-3, 3, -5 * 365 * 24], ids=["three back", "three on", "five years back"])


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """Run a mail server that is closed at first."""
    with a_post_office() as running:
        running.close()
        yield running


@pytest.fixture
def site(office: PostOffice, tmp_path: Path) -> Iterator[Site]:
    """Furnish a site whose daemon goes by a clock that a test sets."""
    command = ("-c", _RUN_BY_A_CLOCK_THAT_IS_SET)
    with a_site(tmp_path, office.port, settings=SETTINGS, command=command) as furnished:
        _set(furnished, 0)
        yield furnished


def _set(site: Site, hours: float) -> None:
    fresh = site.folder / "set-by-hours.new"
    fresh.write_text(str(hours))
    fresh.replace(site.folder / "set-by-hours")


def _tried(site: Site) -> bool:
    return any(stored.attempts and stored.state == "queued" for stored in site.messages("queued"))


@STEPS
def test_messages_go_out_though_the_clock_is_set(hours: int, site: Site, office: PostOffice) -> None:
    """They wait for half a minute when it is set, and go out, are counted and said as if it had not been."""
    site.started()
    append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
    await_(lambda: _tried(site), what="an attempt has failed")
    office.open()
    _set(site, hours)
    await_(lambda: "clock.stepped" in site.log(), what="the step is said")
    await_(lambda: office.letters and not site.messages("queued", "sending"), what="everything has gone out")
    direction = "forward" if hours > 0 else "back"
    assert 1 == site.metric(f'credwatch_clock_steps_total{{direction="{direction}"}}')
    assert not site.messages("refused")


@STEPS
def test_messages_go_out_though_the_clock_was_set_while_nothing_ran(hours: int, site: Site, office: PostOffice) -> None:
    """What was stored under another clock is doubted at the start."""
    site.started()
    append(site.auth_log, *guessing(0, "quocbao", "203.0.113.7"))
    await_(lambda: _tried(site), what="an attempt has failed")
    assert 0 == site.terminate()
    office.open()
    _set(site, hours)
    site.started()
    await_(lambda: office.letters and not site.messages("queued", "sending"), what="everything has gone out")
    assert not site.messages("refused")
