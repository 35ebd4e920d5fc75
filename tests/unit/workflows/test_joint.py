"""What comes close together is one letter with updates, within the time of each duty."""

from __future__ import annotations

from datetime import timedelta

import pytest

from builders_outbox import NOON, a_command, some_facts
from credwatch.kernel.command import CommandKind
from credwatch.workflows.facts import Duties
from credwatch.workflows.joint import (
    ALONE,
    LISTED_MATTERS,
    NAMED,
    Matter,
    Series,
    SeriesState,
    admit,
    interval,
    is_due,
    joint_letters,
    series_of,
)
from credwatch.workflows.message import first_letter

MINUTE = timedelta(minutes=1)
NOTICES = Series("customer_notice", "account_takeover", "tanphat", "it@tanphat.example")
ESCALATIONS = Series("escalation", "clock_ran_out", "", "ops@vendor.example")


def _some(count: int) -> list[Matter]:
    values = {"kind": "account_takeover", "reader": "Tân Phát", "accounts": {"first": ["lan"], "more": 0}}
    return [Matter(f"cw-{at}", f"CW-{at}", ("vi", "en"), values | {"number": f"CW-{at}"}) for at in range(count)]


def test_the_first_leave_by_themselves_and_the_others_join() -> None:
    """Within an hour three leave; the joint letter has the number of the first that joined."""
    given = [a_command(at, incident=f"CW-{at}") for at in range(5)]
    alone, state = admit(NOTICES, SeriesState(), given, NOON)
    assert (ALONE, "CW-3", True) == (alone, state.number, state.waits)
    later, state = admit(NOTICES, state, given[:1], NOON + 30 * MINUTE)
    assert (0, "CW-3") == (later, state.number)


def test_a_quiet_hour_ends_a_series() -> None:
    """Once what joined was told and an hour has brought nothing, letters leave by themselves again."""
    given = [a_command(at) for at in range(5)]
    _, state = admit(NOTICES, SeriesState(), given, NOON)
    _, state = joint_letters(NOTICES, state, _some(2), some_facts(), NOON)
    assert 1 == admit(NOTICES, state, given[:1], NOON + 61 * MINUTE)[0]
    assert 0 == admit(NOTICES, state, given[:1], NOON + 59 * MINUTE)[0]


def test_operators_get_what_comes_at_once_in_one_letter() -> None:
    """Of four escalations at once none leaves by itself; one leaves."""
    given = [a_command(at) for at in range(4)]
    assert 0 == admit(ESCALATIONS, SeriesState(), given, NOON)[0]
    assert 1 == admit(ESCALATIONS, SeriesState(), given[:1], NOON)[0]


@pytest.mark.parametrize(
    ("series", "minutes"),
    [(NOTICES, [2, 4, 8, 10, 10]), (ESCALATIONS, [2, 4, 8, 16, 32, 60, 60])],
    ids=["notices", "escalations"],
)
def test_intervals_double_and_leave_each_duty_its_time(series: Series, minutes: list[int]) -> None:
    """None is longer than an hour, or than two thirds of the duty's quarter of an hour."""
    found = [interval(series, letters, Duties()) for letters in range(1, len(minutes) + 1)]
    assert [at * MINUTE for at in minutes] == found


def test_the_first_joint_letter_leaves_at_once_and_the_next_in_its_time() -> None:
    """What another letter builds on does not wait for its time."""
    first = SeriesState(waits=True)
    assert is_due(NOTICES, first, Duties(), NOON)
    told = SeriesState(waits=True, wrote_at=NOON, letters=1)
    assert not is_due(NOTICES, told, Duties(), NOON + MINUTE)
    assert is_due(NOTICES, told, Duties(), NOON + 2 * MINUTE)
    assert is_due(NOTICES, SeriesState(waits=True, wrote_at=NOON, letters=1, hurries=True), Duties(), NOON)
    assert not is_due(NOTICES, SeriesState(wrote_at=NOON), Duties(), NOON + 60 * MINUTE)


@pytest.mark.parametrize("workflow", ["disclosure_notice", "breach_report"])
def test_what_law_asks_for_is_named_one_by_one(workflow: str) -> None:
    """However many they are, each stands in a letter: another letter takes what one cannot."""
    series = Series(workflow, "account_takeover", "tanphat", "it@tanphat.example")
    letters, state = joint_letters(series, SeriesState(number="CW-0"), _some(NAMED + 1), some_facts(), NOON)
    assert [NAMED, 1] == [len(command.payload.context["matters"]) for command, _ in letters]
    assert {0} == {command.payload.context["more"] for command, _ in letters}
    assert NAMED + 1 == state.matters
    assert 2 == len({command.id for command, _ in letters})
    assert ["", letters[0][0].id] == [first_letter(command) for command, _ in letters], "they are one thread"


def test_a_notice_counts_what_it_does_not_name() -> None:
    """One letter tells them all: the first by name, the rest by number."""
    ((command, told),), _ = joint_letters(NOTICES, SeriesState(number="CW-0"), _some(500), some_facts(), NOON)
    assert (500, 500, 500 - LISTED_MATTERS) == (
        len(told),
        command.payload.context["count"],
        command.payload.context["more"],
    )


def test_what_waits_for_a_person_joins_nothing() -> None:
    """Neither does a letter about no incident."""
    about = {"kind": "account_takeover", "number": "CW-1"}
    assert NOTICES == series_of(a_command(context=about))
    assert series_of(a_command(context=about, hold="history")) is None
    assert series_of(a_command(context=about, incident="")) is None
    escalation = a_command(workflow="escalation", kind=CommandKind.ESCALATE, context={"reason": "clock_ran_out"})
    assert Series("escalation", "clock_ran_out", "", "it@tanphat.example") == series_of(escalation)
