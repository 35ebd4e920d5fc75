"""What goes on is told: three takeovers of one account, a matter that comes back, news that waits for its turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from credwatch.app.build import build_knowledge
from credwatch.app.settings import load_settings
from credwatch.incidents.lifecycle import moved
from credwatch.kernel.incident import Status
from credwatch.kernel.secret import Secret
from credwatch.store.cases import incidents
from scenarios.daemon import Site
from scenarios.lines import BEGIN, app_guessing
from scenarios.pipeline import a_store
from scenarios.test_history import Late

USER = "ke.toan@haiau.example"
MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Late]:
    """Make a pipeline with the shipped rules that reads lines as they are written."""
    site = Site(tmp_path, port=25).furnish()
    site.rules.unlink()
    knowledge = build_knowledge(load_settings(site.config), notice_key=Secret("notice key"))
    with a_store(tmp_path / "store.sqlite") as database:
        yield Late(knowledge, database)


def _take_over(live: Late, after: timedelta, address: str) -> None:
    live.read(*app_guessing(after.total_seconds(), USER, "hai-au", address), now=BEGIN + after + MINUTE)


def test_three_takeovers_of_one_account_over_three_weeks_are_told_three_times(live: Late) -> None:
    """Never closed, from one address and the same rules: a notice, and news a week and two weeks later."""
    for week in range(3):
        _take_over(live, week * WEEK, "203.0.113.7")
    assert 2 == live.states("customer_notice")["queued"]
    assert 4 == live.states("customer_news")["queued"]
    assert 1 == len({each.incident for each in live.messages() if each.workflow.startswith("customer_n")})


def test_news_that_comes_too_soon_leaves_by_the_clock(live: Late) -> None:
    """A second address two minutes after the notice waits, and the timetable sends it once its turn has come."""
    _take_over(live, timedelta(), "203.0.113.7")
    _take_over(live, 2 * MINUTE, "198.51.100.4")
    live.tick(BEGIN + 4 * MINUTE)
    assert Counter() == live.states("customer_news")
    for minutes in (7, 8, 20, 70):
        live.tick(BEGIN + minutes * MINUTE)
    assert Counter(queued=2) == live.states("customer_news")


def test_a_closed_matter_that_comes_back_names_its_former_number(live: Late) -> None:
    """The notice of the new incident carries the number of the closed one."""
    _take_over(live, timedelta(), "203.0.113.7")
    first = live.incident()
    with live.database.writing() as connection:
        closed = moved(first, Status.CLOSED, at=live.now, by="lan", why="the password was changed")
        incidents.save_incidents(connection, [closed])
    _take_over(live, WEEK, "203.0.113.7")
    notices = [each for each in live.messages() if each.workflow == "customer_notice" and each.incident != first.number]
    assert [first.number] * 2 == [each.payload.context["former"] for each in notices]


def test_a_flood_is_told_to_the_operators_when_it_comes_and_when_it_is_over(live: Late) -> None:
    """A hundred and twenty takeovers in one batch: one letter with their number, one more after ten quiet minutes."""
    users = [f"u{number}@haiau.example" for number in range(120)]
    lines = [line for at, user in enumerate(users) for line in app_guessing(at / 10, user, "hai-au", f"203.0.113.{at}")]
    live.read(*lines, now=BEGIN + MINUTE)
    opened = sum(live.kinds().values())
    for minutes in (1, 2, 5, 12, 13, 30):
        live.tick(BEGIN + minutes * MINUTE)
    told = [
        (each.payload.context["reason"], each.payload.context["flood"])
        for each in live.messages()
        if each.payload.context.get("flood")
    ]
    assert [("flood", opened), ("flood_over", opened)] == [(reason, size["incidents"]) for reason, size in told]
    told_of = Counter[str]()
    for message in live.messages():
        if message.workflow in ("customer_notice", "customer_joint"):
            told_of[message.recipient] += int(message.payload.context.get("count", 1))
    assert {live.kinds()["account_takeover"]} == set(told_of.values()), "each is told, to each reader once"
