"""Silences beside a daemon that runs: made and ended by commands, held against the next lines, over by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from credwatch.casework.silences import Silences
from credwatch.cli.main import app
from credwatch.kernel.clock import system_clock
from credwatch.kernel.silence import Silence
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.lines import BEGIN as WRITTEN
from scenarios.lines import app_guessing, staff_access

USER, OTHER, THIRD = "ke.toan@haiau.example", "thu@haiau.example", "ba@haiau.example"
SCANNER, STRANGER, GUEST = "203.0.113.7", "198.51.100.9", "192.0.2.77"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Run a daemon with the shipped rules, whose mail server does not answer."""
    with a_site(tmp_path, 9, command=RUN_UNCHECKED) as site:
        site.rules.unlink()
        yield site.started()


def silence(site: Site, *arguments: str, expected: int = 0) -> list[dict[str, Any]]:
    """Run `credwatch silence` beside the daemon, and return what it tells as JSON."""
    result = CliRunner().invoke(app, ["silence", *arguments, "--json", "--config", str(site.config)])
    assert expected == result.exit_code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def begin(site: Site, *arguments: str) -> str:
    """Begin a silence of an hour and return its name."""
    (told,) = silence(site, "add", *arguments, "--why", "a test", "--for", "1h", "--yes")
    name: str = told["id"]
    return name


def hidden(site: Site, name: str) -> int:
    """Tell how many detections a silence has hidden."""
    return next(int(row["hidden"]) for row in silence(site, "list", "--all") if row["id"] == name)


def guess(site: Site, user: str, address: str, *, succeeds: bool) -> None:
    """Write guesses at an account that happen now, and return when the daemon has taken them."""
    before = site.lines_taken()
    lines = app_guessing(_now(-30), user, "hai-au", address, succeeds=succeeds)
    append(site.application_log, *lines)
    await_(lambda: site.lines_taken() >= before + len(lines), what="the lines are taken")


def _now(seconds: float = 0) -> float:
    """Tell the present as seconds after the moment that lines are written from."""
    return (system_clock() - WRITTEN).total_seconds() + seconds


def test_a_running_daemon_obeys_silences(site: Site) -> None:
    """One person hides guesses and no takeover, two hide a takeover and an act of staff; both counts agree."""
    alone = begin(site, "--address", SCANNER, "--by", "lan")
    guess(site, OTHER, SCANNER, succeeds=False)
    assert {} == dict(site.kinds())
    assert hidden(site, alone) >= 1
    guess(site, USER, SCANNER, succeeds=True)
    assert 1 == site.kinds()["account_takeover"]

    pair = ("--by", "lan", "--second", "mai")
    takeover = begin(site, "--account", THIRD, *pair)
    staff = begin(site, "--customer", "hai-au", *pair)
    guess(site, THIRD, STRANGER, succeeds=True)
    before = site.lines_taken()
    append(site.application_log, staff_access(_now(), "minh", OTHER, "hai-au"))
    await_(lambda: site.lines_taken() > before, what="the act of staff is taken")
    await_(lambda: hidden(site, staff) + hidden(site, takeover) >= 2, what="what two people agreed to hide is hidden")
    assert 1 == site.kinds()["account_takeover"]
    assert 0 == site.kinds()["unauthorised_staff_access"]

    await_(lambda: site.metric("credwatch_silences_running") == 3, what="the metric counts three silences")
    assert 0 < (site.metric("credwatch_silence_remaining_seconds") or 0) <= 3600
    silence(site, "end", staff, "--by", "mai")
    await_(lambda: told_of(site, staff), what="the operators are told of the end")
    append(site.application_log, staff_access(_now(), "quang", OTHER, "hai-au"))
    await_(lambda: site.kinds()["unauthorised_staff_access"], what="the next act of staff is told")


def test_a_silence_is_over_by_itself(site: Site) -> None:
    """While nobody does anything it expires, also across a kill: the operators hear once, the next guesses are told."""
    now = system_clock()
    lapsing = Silence(
        id="silence-short", by="lan", why="a test", starts_at=now, expires_at=now + timedelta(seconds=6), address=GUEST
    )
    with Silences.at(site.config) as book:
        book.add(lapsing)
    site.kill()
    await_(lambda: system_clock() > lapsing.expires_at, what="its time is over")
    site.started()
    await_(lambda: told_of(site, lapsing.id), what="the operators are told that it is over")
    guess(site, USER, GUEST, succeeds=False)
    await_(lambda: site.kinds()["brute_force"], what="guesses open an incident again")
    assert 1 == told_of(site, lapsing.id)


def told_of(site: Site, name: str) -> int:
    """Count the letters that say that a silence is over."""
    return sum(message.command.payload.context.get("silence") == name for message in site.messages())
