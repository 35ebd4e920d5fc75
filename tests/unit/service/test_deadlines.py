"""What duties have left, whatever the machine's clock is set to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import Struct

from builders_outbox import NOON
from credwatch.kernel.command import LegalClock
from credwatch.service.deadlines import Deadlines

CLOCK = LegalClock("clock-1", "customer_notice", "CW-1", "tanphat", NOON, NOON + timedelta(minutes=15))
BACK, FORWARD, YEARS = timedelta(hours=-3), timedelta(hours=3), timedelta(days=-5 * 365)


class Time(Struct):
    """A steady clock that the test moves."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize("step", [BACK, YEARS])
def test_a_clock_set_back_gives_no_time(step: timedelta) -> None:
    """Sixteen minutes after a duty of fifteen began it has run out, though the clock says otherwise."""
    time = Time()
    deadlines = Deadlines(time)
    deadlines.left([CLOCK], NOON)
    time.seconds += 16 * 60
    assert timedelta(minutes=-1) == deadlines.left([CLOCK], NOON + timedelta(minutes=16) + step)["clock-1"]


def test_a_clock_set_forward_may_end_a_duty_early() -> None:
    """By one of the two clocks it is over: told too early rather than too late."""
    deadlines = Deadlines(Time())
    deadlines.left([CLOCK], NOON)
    assert deadlines.left([CLOCK], NOON + FORWARD)["clock-1"] < timedelta()


@pytest.mark.parametrize("step", [BACK, YEARS])
def test_after_a_restart_a_duty_has_never_more_than_its_length(step: timedelta) -> None:
    """Nobody knows any longer how the clock stood; fifteen minutes are fifteen minutes."""
    assert timedelta(minutes=15) == Deadlines(Time()).left([CLOCK], NOON + step)["clock-1"]


def test_a_duty_that_is_met_is_forgotten() -> None:
    """A clock that no longer runs takes no room."""
    deadlines = Deadlines(Time())
    deadlines.left([CLOCK], NOON)
    assert {} == deadlines.left([], NOON)
