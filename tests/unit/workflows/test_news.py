"""News: what is new is told, within bounds, and nothing of it is swallowed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from builders_outbox import NOON, a_renderer, an_incident, some_facts
from credwatch.kernel.command import Command, Precedence
from credwatch.kernel.detection import Level
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, Status
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Role
from credwatch.workflows.news import BOUNDS, Duty, ReaderKnowledge, duties_of, first_knowledge, on_news

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FACTS = some_facts()
NOTICED = an_incident(workflows=("customer_notice",), rules=("guesses",))
(DUTY,) = duties_of(NOTICED, FACTS)
TOLD = first_knowledge(DUTY, NOTICED, FACTS, NOON)


def _news(
    now: datetime, told: ReaderKnowledge = TOLD, **changes: object
) -> tuple[tuple[Command, ...], ReaderKnowledge]:
    return on_news(DUTY, replace(NOTICED, **changes), told, FACTS, now)


@pytest.mark.parametrize(
    "changes",
    [
        {"addresses": ("203.0.113.7", "198.51.100.9")},
        {"accounts": ("lan@tanphat.example", "minh@tanphat.example")},
        {"level": Level.CRITICAL},
        {"rules": ("guesses", "success")},
        {"occurred_last": NOON + DAY},
    ],
    ids=["address", "account", "level", "rule", "day"],
)
def test_what_is_new_is_told_to_every_reader(changes: dict[str, object]) -> None:
    """Another address, account or rule, a higher level, a day later: one letter to each address of the customer."""
    commands, told = _news(NOON + HOUR, **changes)
    assert [("customer_news", "it@tanphat.example"), ("customer_news", "kt@tanphat.example")] == [
        (command.workflow, command.recipient) for command in commands
    ]
    assert ((), told) == on_news(DUTY, replace(NOTICED, **changes), told, FACTS, NOON + 2 * HOUR), "told once"


@pytest.mark.parametrize("changes", [{}, {"occurred_last": NOON + HOUR}, {"lines": ("another",)}])
def test_more_of_the_same_is_no_news(changes: dict[str, object]) -> None:
    """The same account, address and rule within a day say nothing new."""
    assert ((), TOLD) == _news(NOON + 2 * HOUR, **changes)


def test_accounts_of_another_customer_are_no_news() -> None:
    """A reader hears nothing of what it may not read about."""
    changes = {"accounts": ("lan@tanphat.example", "bob@acme.example"), "organizations": ("tanphat", "acme")}
    assert () == _news(NOON + HOUR, **changes)[0]


def test_news_that_comes_too_soon_waits_and_is_one_letter_then() -> None:
    """Two addresses within five minutes of the notice: nothing leaves before, and one letter names both after."""
    first = {"addresses": ("203.0.113.7", "203.0.113.8")}
    both = {"addresses": ("203.0.113.7", "203.0.113.8", "203.0.113.9")}
    commands, told = _news(NOON + MINUTE, **first)
    assert ((), True) == (commands, told.waits)
    commands, told = _news(NOON + 2 * MINUTE, told, **both)
    assert ((), True) == (commands, told.waits)
    commands, told = _news(NOON + 5 * MINUTE, told, **both)
    assert [{"first": ["203.0.113.8", "203.0.113.9"], "more": 0}] * 2 == [
        each.payload.context["new_addresses"] for each in commands
    ]
    assert not told.waits


@given(st.lists(st.integers(min_value=0, max_value=3 * 24 * 60), min_size=1, max_size=60))
def test_no_reader_gets_more_than_the_bounds_say(minutes: list[int]) -> None:
    """Whenever addresses come, the letters of any five minutes, hour and day stay within the bounds; none is lost."""
    told, letters, addresses = TOLD, [NOON], ["203.0.113.7"]
    for number, minute in enumerate([*sorted(minutes), 5 * 24 * 60]):
        if number < len(minutes):
            addresses.append(f"198.51.100.{number}")
        commands, told = _news(NOON + minute * MINUTE, told, addresses=tuple(addresses))
        letters += [NOON + minute * MINUTE] if commands else []
    for span, most in BOUNDS:
        assert all(sum(start <= at < start + span for at in letters) <= most for start in letters)
    assert addresses == list(told.addresses)
    assert not told.waits


def test_a_clock_that_is_set_back_holds_news_up_no_longer_than_the_bounds() -> None:
    """Letters dated a year ahead count for nothing."""
    ahead = replace(TOLD, letters=(NOON + 365 * DAY,) * 8)
    assert 2 == len(_news(NOON + HOUR, ahead, level=Level.CRITICAL)[0])


def test_a_closed_incident_has_no_news() -> None:
    """Its closing letter tells all of it, and nothing waits any longer."""
    waiting = replace(TOLD, waits=True)
    assert ((), TOLD) == _news(NOON + HOUR, waiting, level=Level.CRITICAL, status=Status.CLOSED)


def test_news_is_courtesy_and_follows_its_notice_in_one_thread() -> None:
    """It leaves behind notices, and names the Message-ID of the reader's notice; the notice names none."""
    notices = react(IncidentChange(ChangeKind.OPENED, NOTICED, NOTICED.workflows), FACTS, NOON).commands
    news, _ = _news(NOON + HOUR, level=Level.CRITICAL)
    closing = react(IncidentChange(ChangeKind.CLOSED, NOTICED), FACTS, NOON).commands
    assert {Precedence.COURTESY} == {command.precedence for command in (*news, *closing)}
    for later in (news, closing):
        for notice, follower in zip(notices, later, strict=True):
            opening, message = a_renderer().render(notice), a_renderer().render(follower)
            assert opening["In-Reply-To"] is None
            assert opening["Message-ID"] == message["In-Reply-To"] == message["References"]


def test_a_report_has_news_too() -> None:
    """In role customer the vendor hears what is new of a breach."""
    facts = some_facts(role=Role.CUSTOMER)
    incident: Incident = an_incident(workflows=("breach_report",))
    (duty,) = duties_of(incident, facts)
    assert Duty("breach_report", incident.number, "tanphat") == duty
    told = first_knowledge(duty, incident, facts, NOON)
    commands, _ = on_news(duty, replace(incident, level=Level.CRITICAL), told, facts, NOON + HOUR)
    assert [("breach_news", "security@modoro.example")] == [(each.workflow, each.recipient) for each in commands]
