"""Questions of one kind wait for one another, and for no other kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import structlog
from msgspec import Struct
from starlette.responses import Response

from credwatch.kernel.errors import ConfigurationError, CredwatchError

_log = structlog.get_logger(__name__)

A = TypeVar("A", bound=Response)
R = TypeVar("R", bound=Response)


class QueueBounds(Struct, frozen=True):
    """How much of one kind is answered at a time."""

    workers: int
    """Threads."""
    waiting: int
    """Questions taken in at a time."""
    seconds: float
    """Longest time for an answer."""


class QuestionQueue(Generic[R]):
    """Answers the questions of one kind on threads of its own, for they hash and write; takes in a bounded number."""

    def __init__(self, part: str, kind: str, bounds: QueueBounds, refusal: Callable[[str, str, int], R]) -> None:
        """Take the part of the daemon that it answers for, and how a refusal is written: code, words, status."""
        self._part = part
        self._bounds = bounds
        self._refusal = refusal
        self._taken = 0
        self._pool = ThreadPoolExecutor(bounds.workers, thread_name_prefix=f"{part}-{kind}")

    def close(self) -> None:
        """Let the threads go; what they work on is finished, what waits is not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def answered(self, work: Callable[[], A]) -> A | R:
        """Answer one question; a full queue, a failure and a mistake of ours are answers of status 503."""
        if self._taken >= self._bounds.waiting:
            return self._refusal("busy", "too many questions at a time; nothing was accepted, ask again", 503)
        self._taken += 1
        try:
            async with asyncio.timeout(self._bounds.seconds):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TimeoutError:
            _log.error(f"{self._part}_timeout", seconds=self._bounds.seconds)
            return self._refusal("timeout", f"the {self._part} took too long; nothing was accepted", 503)
        except ConfigurationError as error:
            _log.error(f"{self._part}_not_configured", where=error.where, problem=error.message)
            return self._refusal("not_configured", f"{error.message}; nothing was accepted", 503)
        except CredwatchError as error:
            _log.error(f"{self._part}_failed", where=error.where, problem=error.message)
            return self._refusal("unavailable", f"the {self._part} cannot answer now; nothing was accepted", 503)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must refuse, not open anything or end the daemon
            # The type only: the text of an unforeseen exception may quote the password.
            _log.error(f"{self._part}_failed", problem=type(error).__name__)
            return self._refusal("unavailable", f"the {self._part} cannot answer now; nothing was accepted", 503)
        finally:
            self._taken -= 1
