"""When a command is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders_outbox import NOON
from credwatch.outbox.retry import ENOUGH, GIVE_UP, LONGEST, longest_wait, next_attempt


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (500, 3600)])
def test_the_wait_doubles_up_to_an_hour(attempts: int, seconds: int) -> None:
    """Each wait lies in the last quarter of its step."""
    wait = next_attempt("cw-1", attempts, NOON, NOON) - NOON
    assert timedelta(seconds=seconds * 0.75) <= wait <= timedelta(seconds=seconds)


@given(st.text(), st.integers(1, 10_000), st.timedeltas(timedelta(0), GIVE_UP - timedelta(microseconds=1)))
def test_nothing_is_given_up_before_five_days(command: str, attempts: int, age: timedelta) -> None:
    """Within five days there is always a next attempt, at most an hour away, and always the same one."""
    now = NOON + age
    found = next_attempt(command, attempts, NOON, now)
    assert now < found <= now + LONGEST
    assert found == next_attempt(command, attempts, NOON, now)


def test_after_five_days_a_person_must_look() -> None:
    """The sixth day has no next attempt."""
    assert next_attempt("cw-1", 130, NOON, NOON + GIVE_UP) is None


def test_a_clock_set_forward_gives_nothing_up() -> None:
    """Five years later by the clock, and tried a few times only: it is tried on."""
    assert next_attempt("cw-1", ENOUGH - 1, NOON, NOON + timedelta(days=5 * 365)) is not None


@given(st.text(), st.integers(1, 10_000))
def test_no_wait_is_longer_than_the_longest(command: str, attempts: int) -> None:
    """What lies further ahead was stored under another clock."""
    assert next_attempt(command, attempts, NOON, NOON) <= NOON + longest_wait(attempts)


def test_messages_queued_together_do_not_return_together() -> None:
    """The fraction differs from command to command."""
    assert 1 < len({next_attempt(f"cw-{number}", 3, NOON, NOON) for number in range(10)})
