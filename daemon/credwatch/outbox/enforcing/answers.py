"""Reads what was answered by HTTP: its beginning, whether it says no after all, how long it wants to be left alone."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx

from credwatch.kernel.clock import Clock

GONE = (404, 410)
"""What it was asked about is not there."""
REFUSALS = (400, 405, 406, 411, 413, 414, 415, 422, 431, 451)
"""It will never do what it was asked."""
_MOST_WORDS = 200
_SHORTEST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(hours=1)
_BAD_WORDS = frozenset({"error", "errors", "failed", "failure", "fail", "denied", "rejected"})


async def beginning(response: httpx.Response, most_bytes: int) -> bytes:
    """Read so many bytes of a body at most."""
    pieces, size = list[bytes](), 0
    async for piece in response.aiter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size >= most_bytes:
            break
    return b"".join(pieces)[:most_bytes]


def complaint_in(body: bytes) -> str:
    """Say why an answer with a status of success is none: empty where it is one.

    An object of JSON with something under `error` or `errors`, with `success` or `ok` that is false, or with a `status`
    or `result` that is a word of failure.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return ""
    complaints = (
        *(name for name in ("error", "errors") if answer.get(name)),
        *(name for name in ("success", "ok") if answer.get(name) is False),
        *(name for name in ("status", "result") if str(answer.get(name, "")).casefold() in _BAD_WORDS),
    )
    return f"its {complaints[0]} says no" if complaints else ""


def words_of(body: bytes) -> str:
    """Give the first words of a body, for a person."""
    return " ".join(body[: 4 * _MOST_WORDS].decode(errors="replace").split())[:_MOST_WORDS]


def wait_of(response: httpx.Response, clock: Clock) -> timedelta | None:
    """Read how long the other side wants to be left alone (RFC 9110, section 10.2.3): a second to an hour."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(max(timedelta(seconds=int(text[:9])), _SHORTEST_WAIT), _LONGEST_WAIT)
    try:
        return min(max(parsedate_to_datetime(text) - clock(), _SHORTEST_WAIT), _LONGEST_WAIT)
    except (ValueError, TypeError):
        return None
