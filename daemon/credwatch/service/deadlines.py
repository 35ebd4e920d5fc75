"""What the time of each duty has left, whatever the clock of the machine is set to meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from credwatch.kernel.clock import Steady
from credwatch.kernel.command import LegalClock


class Deadlines:
    """Measures by a steady clock from when it first saw a duty; the end that is stored stays the fact it is.

    A duty has run out when either clock says so: told too early after the clock was set forward, never too late after
    it was set back. What a duty has left is never more than its whole length, for that was stored under another clock.
    """

    def __init__(self, steady: Steady) -> None:
        self._steady = steady
        self._ends: dict[tuple[str, datetime | None], float] = {}

    def left(self, clocks: Sequence[LegalClock], now: datetime) -> dict[str, timedelta]:
        """Tell what each clock has left, by its id, negative once it ran out; others are forgotten."""
        steady = self._steady()
        self._ends = {_key(clock): self._ends.get(_key(clock), steady + _at_most(clock, now)) for clock in clocks}
        return {
            clock.id: min(clock.alarm_at - now, timedelta(seconds=self._ends[_key(clock)] - steady)) for clock in clocks
        }


def _key(clock: LegalClock) -> tuple[str, datetime | None]:
    """Tell clocks apart; one whose messages were held and let go is measured anew."""
    return clock.id, clock.released_at


def _at_most(clock: LegalClock, now: datetime) -> float:
    return min(clock.alarm_at - now, clock.due_at - clock.started_at).total_seconds()
