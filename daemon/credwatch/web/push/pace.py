"""How often something may be done: a bucket that fills with time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_KEYS = 4096


class Pace:
    """Lets each key do a thing `per_second` times a second on average, and `burst` times at once.

    Of many keys the ones that were quiet longest are forgotten.
    """

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_of(self, key: str) -> float:
        """Say how many seconds a key has to wait, 0 where it may; takes nothing."""
        left, _ = self._now(key)
        return max(0.0, (1 - left) / self._per_second)

    def take(self, key: str) -> None:
        """Count that a key did it."""
        left, now = self._now(key)
        self._left[key] = (left - 1, now)
        self._left.move_to_end(key)
        if len(self._left) > _MOST_KEYS:
            self._left.popitem(last=False)

    def _now(self, key: str) -> tuple[float, float]:
        now = self._clock()
        left, since = self._left.get(key, (self._burst, now))
        return min(self._burst, left + (now - since) * self._per_second), now
