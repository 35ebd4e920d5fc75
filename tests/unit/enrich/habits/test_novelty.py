"""What is new about a login, and how far its owner would have travelled."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from credwatch.enrich.habits.logins import logins_in
from credwatch.enrich.habits.novelty import mark_novelty
from credwatch.enrich.habits.profiles import Learning, ProfileDelta, Profiles
from credwatch.kernel.dtypes import dtype_of
from unit.enrich.known_world import AT, a_frame
from unit.enrich.logins import ANSWERS, HANOI, LATER, PARIS, SAIGON, SEED, a_login, answered

AT_ONCE = Learning(learning=timedelta(seconds=1), learning_logins=1)
"""Learns from a single login."""


def marked_alone(events: pl.DataFrame) -> tuple[pl.DataFrame, ProfileDelta | None]:
    """Mark one batch by what is learnt from it alone."""
    return mark_novelty(events, logins_in(events, SEED, LATER), Profiles(SEED), AT_ONCE, LATER)


def novel(*logins: dict[str, object], learning: Learning = AT_ONCE) -> dict[str, object]:
    """Answer logins that come one by one, and give what is said of the last, without the fields' prefix."""
    return {
        name.removeprefix("credwatch."): value
        for name, value in answered([[each] for each in logins], learning)[-1].items()
    }


@pytest.mark.parametrize(
    ("before", "after", "name", "is_new"),
    [
        ({"source.ip": "203.0.113.9"}, {"source.ip": "203.0.113.200"}, "network", False),
        ({"source.ip": "203.0.113.9"}, {"source.ip": "203.0.114.9"}, "network", True),
        ({"source.ip": "2001:db8:0:1::9"}, {"source.ip": "2001:db8:0:1:5:6:7:8"}, "network", False),
        ({"source.ip": "2001:db8:0:1::9"}, {"source.ip": "2001:db8::9"}, "network", True),
        ({"source.ip": "203.0.113.9"}, {"source.ip": None}, "network", None),
        (HANOI, SAIGON, "country", False),
        (HANOI, PARIS, "country", True),
        ({"source.as.number": 64500}, {"source.as.number": 64501}, "as", True),
        ({"source.as.number": 64500}, {"source.as.number": 64500}, "as", False),
        ({"user_agent.original": "Firefox/140.0"}, {"user_agent.original": "Firefox/141.0.2"}, "device", False),
        ({"user_agent.original": "Firefox/140.0"}, {"user_agent.original": "curl/8.1"}, "device", True),
        ({"credwatch.key.fingerprint": "SHA256:aa"}, {"credwatch.key.fingerprint": "SHA256:ab"}, "device", True),
        ({}, {"@timestamp": AT + timedelta(hours=1)}, "hour", False),
        ({}, {"@timestamp": AT + timedelta(hours=23)}, "hour", False),
        ({}, {"@timestamp": AT + timedelta(hours=2)}, "hour", True),
    ],
)
def test_a_value_is_new_when_the_account_has_not_shown_it(
    before: dict[str, object], after: dict[str, object], name: str, is_new: bool | None
) -> None:
    """Networks are /24 or /64, devices are without versions, hours have neighbours; an absent value is not new."""
    first, second = a_login() | before, a_login(days=1) | after
    assert is_new == novel(first, second)[f"novelty.{name}"]


@pytest.mark.parametrize(
    "other",
    [{"user.name": "minh"}, {"organization.id": "lotus"}, {"organization.id": None}],
    ids=["user", "customer", "no customer"],
)
def test_accounts_are_kept_apart(other: dict[str, object]) -> None:
    """What another account has shown, or one of that name at another customer, says nothing."""
    assert novel(a_login() | other, a_login(days=1))["login.days_since_last"] is None


def test_the_case_of_a_name_does_not_matter() -> None:
    """LAN and lan are one account."""
    assert 1 == novel(a_login(user__name="LAN"), a_login(days=1))["login.days_since_last"]


@pytest.mark.parametrize(
    "nothing",
    [
        a_login(event__outcome="failure"),
        a_login(event__action="sudo"),
        a_login(user__name=None),
        a_login(credwatch__attempt__role="echo"),
    ],
    ids=["failed", "other act", "no account", "told twice"],
)
def test_only_successful_logins_count(nothing: dict[str, object]) -> None:
    """Other events have no answers and leave nothing behind: the frame stays as it is."""
    frame = a_frame(nothing)
    marked, delta = marked_alone(frame)
    assert (True, None) == (marked is frame, delta)


def test_answers_stand_in_the_row_of_their_login() -> None:
    """Events between logins stay where they are, with nulls of the right types."""
    events = [a_login(event__outcome="failure"), a_login(), a_login(event__action="sudo")]
    events.append(a_login(days=2, source__as__number=7552, **HANOI))
    marked, _ = marked_alone(a_frame(*events))
    assert [None, None, None, 2] == marked["credwatch.login.days_since_last"].to_list()
    assert {name: dtype_of(name) for name in ANSWERS} == dict(marked.select(ANSWERS).schema)


LEARNING = Learning(learning=timedelta(days=14), learning_logins=10)


@pytest.mark.parametrize(
    ("logins", "is_new"),
    [
        ([a_login(), a_login(days=13.9, source__ip="198.51.100.1")], None),
        ([a_login(), a_login(days=14, source__ip="198.51.100.1")], True),
        ([*(a_login(seconds=60 * at) for at in range(9)), a_login(days=1, source__ip="198.51.100.1")], None),
        ([*(a_login(seconds=60 * at) for at in range(10)), a_login(days=1, source__ip="198.51.100.1")], True),
        ([*(a_login(seconds=at) for at in range(15)), a_login(days=1, source__ip="198.51.100.1")], None),
    ],
    ids=["13 days", "14 days", "9 logins", "10 logins", "15 logins at once"],
)
def test_nothing_is_new_while_an_account_is_learnt(logins: list[dict[str, object]], is_new: bool | None) -> None:
    """Fourteen days or ten logins end the learning, logins within one step count once; one batch or many."""
    assert is_new == novel(*logins, learning=LEARNING)["novelty.network"]
    assert is_new == answered([logins], LEARNING)[-1]["credwatch.novelty.network"]


def test_an_attacker_is_told_once_and_then_known() -> None:
    """A login that is new enters the profile like any other."""
    attack = a_login(days=1, source__ip="198.51.100.1")
    assert True is novel(a_login(), attack)["novelty.network"]
    assert False is novel(a_login(), attack, a_login(days=2, source__ip="198.51.100.1"))["novelty.network"]


def test_what_was_not_seen_for_long_is_new_again() -> None:
    """A network unseen for longer than `forget_after` is new, though its account logs in all the time."""
    daily = [a_login(days=day, source__ip="198.51.100.1") for day in range(1, 95)]
    assert False is novel(a_login(), *daily[:88], a_login(days=89))["novelty.network"]
    assert True is novel(a_login(), *daily, a_login(days=95))["novelty.network"]


def test_an_account_that_returns_is_learnt_again() -> None:
    """After a long absence all would be new: the days are told, and nothing else."""
    back = novel(a_login(), a_login(days=100, source__ip="198.51.100.1"))
    assert (100, None) == (back["login.days_since_last"], back["novelty.network"])


@pytest.mark.parametrize(
    ("there", "hours", "km", "kmh"),
    [(SAIGON, 2, 1143, 572), (PARIS, 1, 9197, 9197), (HANOI, 1, 0, 0), ({}, 1, None, None)],
    ids=["by air", "too fast", "at home", "nowhere"],
)
def test_travel_is_measured_from_the_last_place(
    there: dict[str, object], hours: float, km: int | None, kmh: int | None
) -> None:
    """Great-circle kilometres, and the speed by the time between the two stamps."""
    found = novel(a_login() | HANOI, a_login(seconds=hours * 3600) | there)
    assert (km, kmh) == (found["travel.km"], found["travel.kmh"])


def test_a_login_without_a_place_does_not_hide_the_one_before() -> None:
    """After a login through one's own network, the way is measured from the place before it."""
    office = a_login(seconds=1800, credwatch__network__kind="own") | PARIS
    found = novel(a_login() | HANOI, office, a_login(seconds=3600) | SAIGON)
    assert 1143 == found["travel.km"]


def test_logins_close_together_are_not_compared() -> None:
    """Within twenty seconds which came first is not known; beyond forty it always is."""
    for seconds, days in ((19, None), (41, 0)):
        assert days == novel(a_login(), a_login(seconds=seconds))["login.days_since_last"]


def test_a_stamp_from_the_future_spoils_nothing() -> None:
    """A login stamped more than a day ahead of its reading is passed over."""
    ahead = a_login(days=400)
    answers = answered([[ahead], [a_login()], [a_login(days=1)]], AT_ONCE, received_at=AT + timedelta(days=2))
    assert [None, None, 1] == [each["credwatch.login.days_since_last"] for each in answers]


def test_a_login_that_comes_far_too_late_is_taken_for_a_recent_one() -> None:
    """Another log, read later, is compared with what is known, and its speed is by its own stamp."""
    late = answered(
        [[a_login(days=2) | HANOI], [a_login(days=2, seconds=100) | HANOI], [a_login(days=1) | PARIS]], AT_ONCE
    )
    assert (9197, True) == (late[-1]["credwatch.travel.km"], late[-1]["credwatch.novelty.country"])
    assert 383 == late[-1]["credwatch.travel.kmh"]


def test_events_before_1970_do_no_harm() -> None:
    """A clock that was never set gives stamps at the beginning of time."""
    events = a_frame(a_login(), a_login()).with_columns(pl.lit(-1).cast(pl.Datetime("us", "UTC")).alias("@timestamp"))
    marked, delta = marked_alone(events)
    assert [None, None] == marked["credwatch.login.days_since_last"].to_list()
    assert delta is not None
