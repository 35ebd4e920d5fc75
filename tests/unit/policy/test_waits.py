"""Waits last as long as they were meant by a clock that nobody sets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from credwatch.policy import waits
from credwatch.policy.waits import Waits
from unit.policy.gate_fakes import LAN, START

HALF_A_MINUTE = timedelta(seconds=30)


def test_the_later_end_counts() -> None:
    """A clock set forward does not shorten a wait, and one set back leaves the stored end."""
    present = 0.0
    kept = Waits(lambda: present)
    kept.note(LAN, START + HALF_A_MINUTE, START)
    present = 10.0
    assert START + timedelta(days=1, seconds=20) == kept.until(LAN, START + HALF_A_MINUTE, START + timedelta(days=1))
    assert START + HALF_A_MINUTE == kept.until(LAN, START + HALF_A_MINUTE, START - timedelta(days=1))


def test_a_wait_that_is_over_is_forgotten() -> None:
    """Where none is noted, the stored end counts alone."""
    kept = Waits(lambda: 0.0)
    kept.note(LAN, START + HALF_A_MINUTE, START)
    kept.note(LAN, None, START)
    assert START == kept.until(LAN, START, START + timedelta(days=1))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too many wait, those that are over make room, and what finds none goes by the stored end."""
    monkeypatch.setattr(waits, "_MOST", 2)
    present = 0.0
    kept = Waits(lambda: present)
    accounts = [type(LAN)("acme", name) for name in ("a", "b", "c", "d")]
    for account in accounts[:3]:
        kept.note(account, START + HALF_A_MINUTE, START)
    ahead = START + timedelta(days=1)
    assert [False, False, True] == [kept.until(account, START, ahead) == START for account in accounts[:3]]
    present = 60.0
    kept.note(accounts[3], START + HALF_A_MINUTE, START)
    assert ahead + HALF_A_MINUTE == kept.until(accounts[3], START, ahead)
