"""Keeps waits as long as they were meant, although the clock is set meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta

from credwatch.kernel.account import Account
from credwatch.kernel.clock import Steady

_MOST = 100_000


class Waits:
    """The waits that began in this process, by a clock that nobody can set; may be used from any thread.

    The store keeps until when an account waits, as a moment of the day. A clock that is set forward would end that wait
    at once, so whoever may set it could guess on. What this forgets, at a restart or beyond the most it keeps, goes by
    the stored moment alone.
    """

    def __init__(self, steady: Steady) -> None:
        self._steady = steady
        self._ends: dict[Account, float] = {}

    def note(self, account: Account, until: datetime | None, now: datetime) -> None:
        """Take that a wait has just begun, or that there is none any more."""
        if until is None:
            self._ends.pop(account, None)
            return
        if len(self._ends) >= _MOST:
            present = self._steady()
            self._ends = {key: end for key, end in [*self._ends.items()] if end > present}
        if account in self._ends or len(self._ends) < _MOST:
            self._ends[account] = self._steady() + (until - now).total_seconds()

    def until(self, account: Account, stored: datetime, now: datetime) -> datetime:
        """Return until when an account waits by both clocks, as a moment of the present one."""
        end = self._ends.get(account)
        return stored if end is None else max(stored, now + timedelta(seconds=end - self._steady()))
