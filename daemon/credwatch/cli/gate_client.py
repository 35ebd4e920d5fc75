"""Asks a running gate over its Unix socket, and reads secrets where no process list shows them."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any

from credwatch.cli.output import NoAnswer
from credwatch.client.asking import GateError, ask
from credwatch.kernel.secret import Secret

_LONGEST_SECRET = 64 * 1024
_TIMEOUT_SECONDS = 30


def ask_gate(path: Path, endpoint: str, question: dict[str, Any]) -> dict[str, Any]:
    """Send one question, such as `totp/verify`, and return the answer; raise NoAnswer where there is none.

    A 4xx answer is returned as it is, for it says what was wrong with the question.
    """
    try:
        return ask(path, endpoint, question, seconds=_TIMEOUT_SECONDS)
    except GateError as error:
        raise NoAnswer(error.message, where=error.where, hint=error.hint) from error


def read_secret(prompt: str) -> Secret:
    """Read a secret: without echo from a person at a terminal, else the whole of stdin less its last line break.

    Bytes that are not UTF-8 become lone surrogates, which the password rules refuse by name.
    """
    if sys.stdin.isatty():
        return Secret(getpass.getpass(prompt))
    raw = sys.stdin.buffer.read(_LONGEST_SECRET).decode("utf-8", "surrogateescape")
    return Secret(raw.removesuffix("\n").removesuffix("\r"))
