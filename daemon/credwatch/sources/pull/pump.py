"""Asks a service in a thread of its own, and keeps what it gives until that is taken, within a bound."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable

import structlog
from msgspec.structs import replace

from credwatch.kernel.errors import SourceError
from credwatch.sources.pull.interface import PulledBatch, PulledPlace, PulledService, Throttled
from credwatch.sources.pull.keys import KnownKeys

log = structlog.get_logger(__name__)

_MOST_HELD = 8 * 1024 * 1024
"""So many bytes of lines wait here at most, beside the batch that is on its way."""
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 300.0
_LONGEST_WAIT = 3600.0
"""A service that wants to be left alone for longer is asked after an hour all the same."""
_QUIET_SECONDS = 300.0
"""A service that makes us wait for longer is told of: what it has is not seen meanwhile."""
_END_SECONDS = 1.0


class Pump:
    """Sweeps a service again and again; each item comes out once.

    A service that fails is asked again after a pause that doubles up to five minutes, give or take a quarter, so that
    many who were refused together do not come back together. One that says how long to wait is left alone for so long.
    """

    def __init__(
        self,
        service: PulledService,
        place: PulledPlace | None,
        keys: KnownKeys,
        wake: Callable[[], None],
        *,
        name: str,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._service = service
        self._place = place
        self._known = keys
        self._wake = wake
        self._name = name
        self._chance = chance
        self._batches: deque[PulledBatch] = deque()
        self._held = 0
        self._pause = _FIRST_PAUSE
        self._answered_at = time.monotonic()
        self._is_idle = self._is_closing = False
        self._changed = threading.Condition()
        self.problem: SourceError | None = None
        """Why the service cannot be asked, None where it can."""
        self.throttled = 0
        """How often the service has made us wait."""
        self._thread = threading.Thread(target=self._run, name=f"pull {name}", daemon=True)
        self._thread.start()

    def take(self) -> PulledBatch | None:
        """Give the next batch, with those of its items alone that were not given before; None where none waits."""
        with self._changed:
            if not self._batches:
                return None
            batch = self._batches.popleft()
            self._held -= _size(batch)
            self._changed.notify_all()
            return batch

    @property
    def waiting(self) -> int:
        """Say how many bytes wait here; 1 more where the service may have others."""
        with self._changed:
            return self._held + (not self._is_idle)

    def close(self) -> None:
        """End the thread; where it waits for the service, it ends once that has answered, and nobody waits for it."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._service.interrupt()
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        try:
            while not self._is_closing:
                wait = self._sweep()
                self._wake()
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closing, wait)
        finally:
            self._service.close()

    def _sweep(self) -> float:
        """Ask for everything that is new, and say how long to wait until the next time."""
        try:
            for batch in self._service.sweep(self._place, self._known):
                if not self._offer(batch):
                    return 0
        except Throttled as error:
            return self._be_patient(error)
        except SourceError as error:
            return self._fail(error)
        except Exception as error:  # a defect, or an answer that nobody thought of, must not end the reading
            log.exception("pull.failed", source=self._name)
            problem = SourceError(f"its answer could not be read: {type(error).__name__}", where=f"source {self._name}")
            return self._fail(problem)
        with self._changed:
            self._answered()
            self._is_idle = True
        return self._service.interval

    def _offer(self, batch: PulledBatch) -> bool:
        """Keep what is new of a batch, once there is room for it; say whether to go on."""
        fresh = tuple({item.key: item for item in batch.items if item.key not in self._known}.values())
        self._known.add(fresh)
        self._known.forget_before(batch.floor)
        self._place = batch.place
        fresh_batch = replace(batch, items=fresh)
        with self._changed:
            self._answered()
            self._is_idle &= not fresh
            self._changed.wait_for(lambda: self._held < _MOST_HELD or self._is_closing)
            if self._is_closing:
                return False
            self._batches.append(fresh_batch)
            self._held += _size(fresh_batch)
        if fresh:
            self._wake()
        return True

    def _answered(self) -> None:
        self.problem, self._pause, self._answered_at = None, _FIRST_PAUSE, time.monotonic()

    def _be_patient(self, error: Throttled) -> float:
        """Wait for as long as the service says; where it does not say, ever longer."""
        with self._changed:
            wait, self._pause = error.seconds or self._pause, min(self._pause * 2, _LONGEST_PAUSE)
            wait = min(max(wait, _FIRST_PAUSE), _LONGEST_WAIT)
            self._is_idle = False
            self.throttled += 1
            if time.monotonic() + wait - self._answered_at > _QUIET_SECONDS:
                self.problem = self.problem or error
        return wait + self._chance()

    def _fail(self, error: SourceError) -> float:
        with self._changed:
            self._is_idle = False
            if self.problem is None or str(self.problem) != str(error):
                self.problem = error
            wait, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        return wait * (0.75 + self._chance() / 2)


def _size(batch: PulledBatch) -> int:
    return sum(len(item.line) for item in batch.items)
