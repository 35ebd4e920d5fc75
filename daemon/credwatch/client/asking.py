"""Asks a gate one question over its Unix socket, within a time limit; no error holds anything of question or answer."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.secret import Secret

GATE_SOCKET = Path("/run/credwatch/gate.sock")
"""Where the gate listens, unless its settings say otherwise."""

_LONGEST_ANSWER = 1024 * 1024
"""Bytes; the longest answer that a gate gives has some thousands."""
_ANSWERED = frozenset({200, 201, 409})
"""The statuses of answers to questions that were understood."""
_HINTS = {
    "not_configured": "the gate has no sealing key, or another one than at enrolment: docs/gate.md",
    "timeout": "see the daemon's log",
}


class GateError(CredwatchError):
    """The gate has not decided, so nothing is accepted."""


class GateBusy(GateError):
    """The gate has too many questions at present; ask again in a second."""


class GateUnavailable(GateError):
    """The gate does not answer in time, cannot decide, or is none."""


class QuestionRefused(GateError):
    """The gate does not understand the question; `fields` are those of its fields that are to blame."""

    def __init__(self, where: str, fields: tuple[str, ...]) -> None:
        super().__init__("the gate does not understand the question", where=where, hint=", ".join(fields))
        self.fields = fields


def ask(path: Path, place: str, question: Mapping[str, object], *, seconds: float) -> dict[str, Any]:
    """Send one question, such as `totp/verify`, and return the answer; `accepted` is true in acceptances alone.

    Raises GateBusy and GateUnavailable. A question that is not understood has an answer with `error`. Values of the
    question that are a Secret are revealed only where they are written to the socket, so that no report of an error
    that shows local variables shows them.
    """
    reply = _exchanged(path, place, question, seconds)
    if isinstance(reply, GateError):
        # Raised here, where no exception is handled, so that none with the question in its frames hangs on it.
        raise reply
    status, answer = reply
    return answer if status in _ANSWERED else answer | {"accepted": False}


def _exchanged(
    path: Path, place: str, question: Mapping[str, object], seconds: float
) -> tuple[int, dict[str, Any]] | GateError:
    try:
        status, body = _spoken(path, place, question, seconds)
        answer = json.loads(body)
    except BlockingIOError:
        return GateBusy("the gate is busy: too many wait to be let in", where=str(path), hint="ask again in a second")
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        return _silence(path, type(error).__name__)
    if not isinstance(answer, dict):
        return _silence(path, "no JSON object")
    return _undecided(path, answer.get("undecided")) if status >= 500 else (status, answer)


def _spoken(path: Path, place: str, question: Mapping[str, object], seconds: float) -> tuple[int, bytes]:
    with closing(_Connection(path, seconds)) as connection:
        connection.connect()
        # A gate that is busy may answer and close before it has read the question.
        with suppress(BrokenPipeError):
            connection.request("POST", f"/v1/{place}", _written(question), {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read(_LONGEST_ANSWER)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return response.status, body


def _written(question: Mapping[str, object]) -> bytes:
    return json.dumps(question, default=_revealed).encode()


def _revealed(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"the gate is not asked about a {type(value).__name__}")


def _silence(path: Path, problem: str) -> GateUnavailable:
    return GateUnavailable(
        f"the gate does not answer: {problem}",
        where=str(path),
        hint="check that credwatch runs and that you belong to the socket's group",
    )


def _undecided(path: Path, reason: object) -> GateError:
    if reason == "busy":
        return GateBusy("the gate is busy", where=str(path), hint="ask again in a second")
    code = reason if isinstance(reason, str) and reason in _HINTS else "unavailable"
    hint = _HINTS.get(code, "see the daemon's log")
    return GateUnavailable(f"the gate cannot answer: {code}", where=str(path), hint=hint)


class _Connection(http.client.HTTPConnection):
    """A connection to a socket's file instead of a host, with one time limit for all that is sent and read."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("gate")
        self._path = path
        self._seconds = seconds

    def connect(self) -> None:
        """Connect; raises BlockingIOError where the listener's queue is full."""
        self.sock = _TimedSocket(self._seconds)
        self.sock.connect(str(self._path))


class _TimedSocket(socket.socket):
    """Gives each read what is left of the time, for a peer that sends a byte now and then would never use it up."""

    def __init__(self, seconds: float) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._ends_at = time.monotonic() + seconds
        self.settimeout(seconds)

    def recv_into(self, *into: Any) -> int:
        """Read what comes within the time that is left; raises TimeoutError."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)
        return super().recv_into(*into)
