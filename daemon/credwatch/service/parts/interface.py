"""What every part of the daemon that lives long promises, whatever it does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

STILL_SECONDS = 180.0
"""A part that made no turn for so long stands still. The slowest batch, and a store that is locked, take less."""


class Trouble(Struct, frozen=True):
    """Why a part does not do its work."""

    reason: str
    """What happened, for the log and for `systemctl status`."""
    stands_still: bool = False
    """Whether it is there and makes no turn: it cannot be ended from outside, so nothing but a restart of all helps."""
    comes_back: bool = False
    """Whether it tries again by itself what fails: it is told of, and not started again."""


class LivingPart(Protocol):
    """One part. The keeper calls its methods one after the other, from the event loop alone."""

    name: str
    """Its name in the log, in metrics and for people; one of `telemetry.metrics.PARTS`."""
    is_vital: bool
    """Whether the daemon is of no use without it: it ends where such a part cannot come back."""

    async def start(self) -> None:
        """Begin, and return when it listens or runs; also after it ended, once `stop` has returned.

        Raises CredwatchError where it cannot begin now; then nothing of it runs.
        """
        ...

    def trouble(self) -> Trouble | None:
        """Say what is wrong with it, None where it lives; never waits."""
        ...

    async def stop(self) -> None:
        """End it, and return when what it had under way is done; also where it ended by itself, and twice."""
        ...


class Pulse:
    """When a part last made a turn; any thread may beat."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()

    def beat(self) -> None:
        """Say that a turn was made just now."""
        self._at = self._clock()

    def trouble(self) -> Trouble | None:
        """Say that no turn was made for too long, where none was."""
        seconds = self._clock() - self._at
        if seconds < STILL_SECONDS:
            return None
        return Trouble(f"it has made no turn for {seconds:.0f} seconds", stands_still=True)
