"""Questions of one kind wait for one another, and for no other kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from starlette.responses import JSONResponse, Response

from credwatch.kernel.errors import ConfigurationError, CredwatchError
from credwatch.policy.options import GateOptions
from credwatch.web.gate.answers import error_answer

_log = structlog.get_logger(__name__)

A = TypeVar("A", bound=Response)


class QuestionQueue:
    """Answers the questions of one kind on threads of its own, for they hash and write; takes in a bounded number."""

    def __init__(self, kind: str, options: GateOptions) -> None:
        self._options = options
        self._taken = 0
        self._pool = ThreadPoolExecutor(options.workers, thread_name_prefix=f"gate-{kind}")

    def close(self) -> None:
        """Let the threads go; what they work on is finished, what waits is not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def answered(self, work: Callable[[], A]) -> A | JSONResponse:
        """Answer one question; a full queue, a failure and a mistake of ours are answers of status 503."""
        if self._taken >= self._options.waiting:
            return error_answer("busy", "too many questions at a time; nothing was accepted, ask again", 503)
        self._taken += 1
        try:
            async with asyncio.timeout(self._options.timeout_seconds):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TimeoutError:
            _log.error("gate_timeout", seconds=self._options.timeout_seconds)
            return error_answer("timeout", "the gate took too long; nothing was accepted", 503)
        except ConfigurationError as error:
            _log.error("gate_not_configured", where=error.where, problem=error.message)
            return error_answer("not_configured", f"{error.message}; nothing was accepted", 503)
        except CredwatchError as error:
            _log.error("gate_failed", where=error.where, problem=error.message)
            return error_answer("unavailable", "the gate cannot answer now; nothing was accepted", 503)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must refuse, not open the gate or end the daemon
            # The type only: the text of an unforeseen exception may quote the password.
            _log.error("gate_failed", problem=type(error).__name__)
            return error_answer("unavailable", "the gate cannot answer now; nothing was accepted", 503)
        finally:
            self._taken -= 1
