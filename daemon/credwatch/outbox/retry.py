"""Decides when a command that could not be delivered is tried again, and when a person must look."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

FIRST = timedelta(seconds=30)
"""The wait after the first attempt; it doubles with each further one."""
LONGEST = timedelta(hours=1)
"""The longest wait."""
DOUBTED = timedelta(seconds=30)
"""The shortest wait after a refusal that may be the relay's: time enough for the answer to another message."""
GIVE_UP = timedelta(days=5)
"""How long a command is tried at least (RFC 5321, section 4.5.4.1: four to five days)."""


ENOUGH = 100
"""How often at least: so many attempts take four days, whatever the clock was set to meanwhile."""


def longest_wait(attempts: int) -> timedelta:
    """Tell the longest that a command waits after so many attempts."""
    return min(LONGEST, FIRST * (1 << min(max(attempts - 1, 0), 10)))


def next_attempt(command_id: str, attempts: int, since: datetime, now: datetime) -> datetime | None:
    """Tell when to try again after `attempts` attempts (at least one), or None where it has been tried for days.

    Each wait is between three quarters and the whole of its step, by a fraction that follows from the command, so
    that messages queued together do not return together, and a replay decides the same.
    """
    if now - since >= GIVE_UP and attempts >= ENOUGH:
        return None
    return now + longest_wait(attempts) * (0.75 + 0.25 * _fraction(command_id, attempts))


def _fraction(command_id: str, attempts: int) -> float:
    digest = hashlib.sha256(f"{command_id} {attempts}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
