"""Pushes are limited by the hour, each account by itself, whatever the clock does."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from builders_outbox import NOON
from credwatch.kernel.account import Account
from credwatch.policy.pushes import Pushes

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LAN, MINH = Account("hoasen", "lan"), Account("hoasen", "minh")


@given(st.lists(st.integers(min_value=0, max_value=300), min_size=1, max_size=60))
def test_no_hour_has_more_than_the_limit(minutes: list[int]) -> None:
    """Whenever pushes are asked for, three at most are sent within any hour, and `until` is when one is free."""
    pushes, sent = Pushes(), []
    for minute in sorted(minutes):
        now = NOON + minute * MINUTE
        until = pushes.send(LAN, 3, now)
        if until is None:
            sent.append(now)
        else:
            assert now < until <= now + HOUR
    assert all(sum(start <= at < start + HOUR for at in sent) <= 3 for start in sent)


def test_each_account_has_its_own_and_nought_is_no_limit() -> None:
    """One person's pushes do not keep another from theirs."""
    pushes = Pushes()
    assert [None, NOON + HOUR] == [pushes.send(LAN, 1, NOON) for _ in range(2)]
    assert pushes.send(MINH, 1, NOON) is None
    assert [None] * 9 == [pushes.send(LAN, 0, NOON) for _ in range(9)]


def test_a_clock_that_is_set_back_keeps_nobody_out_for_long() -> None:
    """What was sent a year ahead does not count; what was sent half an hour ahead counts for an hour at most."""
    pushes = Pushes()
    pushes.send(LAN, 1, NOON + timedelta(days=365))
    assert pushes.send(LAN, 1, NOON) is None
    ahead = Pushes()
    ahead.send(LAN, 1, NOON + 30 * MINUTE)
    assert NOON + HOUR == ahead.send(LAN, 1, NOON)


def test_memory_is_bounded() -> None:
    """Beyond the bound the account that was asked for longest ago is forgotten."""
    pushes = Pushes(most_accounts=1)
    pushes.send(LAN, 1, NOON)
    pushes.send(MINH, 1, NOON)
    assert pushes.send(LAN, 1, NOON) is None
