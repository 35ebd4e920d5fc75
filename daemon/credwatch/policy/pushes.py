"""Counts the pushes that each person is sent, so that nobody is worn down until they accept one (MITRE T1621)."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock

from credwatch.kernel.account import Account

_HOUR = timedelta(hours=1)
_MOST_ACCOUNTS = 50_000
"""Those that were sent one longest ago are forgotten beyond it."""


class Pushes:
    """Remembers the pushes of the last hour in memory: a restart forgets them; any thread may ask."""

    def __init__(self, most_accounts: int = _MOST_ACCOUNTS) -> None:
        self._most = most_accounts
        self._sent: OrderedDict[Account, list[datetime]] = OrderedDict()
        self._lock = Lock()

    def send(self, account: Account, most: int, now: datetime) -> datetime | None:
        """Count one more; return None where it may be sent, or else when the next one may.

        What a clock that was ahead has written counts for an hour at most.
        """
        with self._lock:
            lately = [at for at in self._sent.pop(account, ()) if abs(now - at) < _HOUR]
            is_free = not most or len(lately) < most
            self._sent[account] = [*lately, now] if is_free else lately
            if len(self._sent) > self._most:
                self._sent.popitem(last=False)
            return None if is_free else min(lately[-most], now) + _HOUR
