"""Time as a value that is handed in, so that a replay equals what happened live."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Tells the present as an aware UTC datetime."""


Steady = Callable[[], float]
"""Tells seconds since a moment of no meaning; it goes on while the machine sleeps, and nobody can set it."""

TOLERANCE = timedelta(seconds=5)
"""What a clock may be put right by at once without being called set."""
_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)


def system_clock() -> datetime:
    """Tell the machine's present time in UTC."""
    return datetime.now(UTC)


def steady_clock() -> float:
    """Tell the seconds since the machine started, awake or asleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class StepWatch:
    """Finds out when a clock is set, by a steady one beside it."""

    def __init__(self, clock: Clock, steady: Steady) -> None:
        self._clock = clock
        self._steady = steady
        self._apart = self._distance()

    def step(self) -> timedelta:
        """Return by how much the clock was set since this was asked last; zero where that was hardly anything."""
        before, self._apart = self._apart, self._distance()
        step = self._apart - before
        return step if abs(step) > TOLERANCE else timedelta()

    def _distance(self) -> timedelta:
        return (self._clock() - _ORIGIN) - timedelta(seconds=self._steady())


def rfc3339(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, to the millisecond, with `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
