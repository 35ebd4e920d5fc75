"""Keeps the parts alive: starts each, sees when one dies, says so, and starts it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from credwatch.kernel.errors import CredwatchError
from credwatch.service.parts.interface import LivingPart, Trouble
from credwatch.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
_MOST_FAILURES = 6
"""So often in a row a vital part may fail before the daemon ends: half a minute by the pauses."""
_SETTLED_SECONDS = 60.0
"""Who lived so long has come back; its next failure is a first one."""
_DOWN = "part.down", "it is started again as soon as it can be"
_WAITS = "part.down", "it tries again by itself, with growing pauses"
_STILL = "part.stands_still", "the watchdog gets no answer until it moves; systemd then starts the daemon again"


class PartLost(CredwatchError):
    """A part without which the daemon is of no use cannot come back."""


class Keeper:
    """Looks after the parts, in the order in which they are given; whoever calls `look` sets the pace.

    A part that ended is started again, at first at once and then with longer pauses, for as long as it takes; where a
    vital one fails again and again, PartLost is raised. Each death is logged and counted once, whatever follows.
    """

    def __init__(
        self, parts: Sequence[LivingPart], metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kept = [_PartWatch(part, metrics, clock) for part in parts]

    async def look(self) -> None:
        """Start what has not begun or has ended, and note who lives; raises PartLost."""
        for watch in self._kept:
            await watch.look()

    def troubles(self) -> dict[str, str]:
        """Return what is wrong, by the part's name; empty where everything lives."""
        return {watch.part.name: watch.reason for watch in self._kept if watch.reason}

    def has_begun(self) -> bool:
        """Say whether every part runs, and none stands still; one may wait for what is not there yet."""
        return all(watch.runs and not watch.stands_still for watch in self._kept)

    def is_sound(self) -> bool:
        """Say whether every vital part lives, and no part stands still."""
        return not any(watch.reason and (watch.part.is_vital or watch.stands_still) for watch in self._kept)

    async def stop(self) -> None:
        """End all of them, the last one first; one that cannot end in order keeps none of the others from it."""
        for watch in reversed(self._kept):
            await watch.end()


class _PartWatch:
    """One part, and how it fares."""

    def __init__(self, part: LivingPart, metrics: Metrics, clock: Callable[[], float]) -> None:
        self.part = part
        self.reason = "it has not begun"
        self.stands_still = False
        self._metrics = metrics
        self._clock = clock
        self.runs = False
        self._failures = 0
        self._next_at = self._since = clock()
        metrics.set_part(part.name, is_up=False)

    async def look(self) -> None:
        if not self.runs:
            if self._clock() >= self._next_at:
                await self._begin()
            return
        trouble = self.part.trouble()
        if trouble is None:
            self._lives()
        elif trouble.stands_still or trouble.comes_back:
            self._told(trouble)
        else:
            await self._died(trouble)

    async def end(self) -> None:
        try:
            await self.part.stop()
        except Exception:  # the others must end in order, whatever one of them does
            log.exception("part.stop_failed", part=self.part.name)

    async def _begin(self) -> None:
        try:
            await self.part.start()
        except CredwatchError as error:
            self._failed(Trouble(str(error)))
        except Exception as error:  # a defect in one part must not end the others
            log.exception("part.start_failed", part=self.part.name)
            self._failed(Trouble(f"it cannot begin: {type(error).__name__}"))
        else:
            self.runs, self._since = True, self._clock()
            self._lives()

    def _lives(self) -> None:
        if self.reason:
            log.info("part.up", part=self.part.name)
            self._metrics.set_part(self.part.name, is_up=True)
        self.reason, self.stands_still = "", False
        if self._failures and self._clock() - self._since >= _SETTLED_SECONDS:
            self._failures = 0

    async def _died(self, trouble: Trouble) -> None:
        self.runs = False
        await self.end()
        self._metrics.part_died(self.part.name)
        self._failed(trouble)

    def _failed(self, trouble: Trouble) -> None:
        self._told(trouble)
        self._failures += 1
        if self.part.is_vital and self._failures >= _MOST_FAILURES:
            raise PartLost(trouble.reason, where=self.part.name, hint="see the log above; the daemon ends")
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self._failures - 1))
        self._next_at = self._clock() + pause

    def _told(self, trouble: Trouble) -> None:
        """Say what is wrong, once for as long as it is the same."""
        if not self.reason or (trouble.reason != self.reason and not trouble.stands_still):
            event, hint = _hint_for(trouble)
            log.error(event, part=self.part.name, error=trouble.reason, hint=hint)
        self._metrics.set_part(self.part.name, is_up=False)
        self.reason, self.stands_still = trouble.reason, trouble.stands_still


def _hint_for(trouble: Trouble) -> tuple[str, str]:
    if trouble.stands_still:
        return _STILL
    return _WAITS if trouble.comes_back else _DOWN
