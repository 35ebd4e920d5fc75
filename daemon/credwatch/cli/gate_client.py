"""Asks a running gate over its Unix socket, and reads secrets where no process list shows them."""

from __future__ import annotations

import getpass
import http.client
import json
import socket
import sys
from pathlib import Path
from typing import Any

from credwatch.cli.output import NoAnswer
from credwatch.kernel.secret import Secret

_LONGEST_SECRET = 64 * 1024
_TIMEOUT_SECONDS = 30


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's file instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_gate(path: Path, endpoint: str, question: dict[str, Any]) -> dict[str, Any]:
    """Send one question and return the answer; raise NoAnswer where there is none.

    A 4xx answer is returned as it is, for it says what was wrong with the question.
    """
    connection = _UnixConnection(path)
    try:
        connection.request("POST", endpoint, json.dumps(question), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(
            f"the gate does not answer: {type(error).__name__}",
            where=str(path),
            hint="check that credwatch runs and that you belong to the socket's group",
        ) from error
    finally:
        connection.close()
    if response.status >= 500 or not isinstance(answer, dict):
        message = answer.get("error", {}).get("message", "no reason given") if isinstance(answer, dict) else ""
        raise NoAnswer(f"the gate cannot answer: {message}", where=str(path), hint="see the daemon's log")
    return answer


def read_secret(prompt: str) -> Secret:
    """Read a secret: without echo from a person at a terminal, else the whole of stdin less its last line break.

    Bytes that are not UTF-8 become lone surrogates, which the password rules refuse by name.
    """
    if sys.stdin.isatty():
        return Secret(getpass.getpass(prompt))
    raw = sys.stdin.buffer.read(_LONGEST_SECRET).decode("utf-8", "surrogateescape")
    return Secret(raw.removesuffix("\n").removesuffix("\r"))
