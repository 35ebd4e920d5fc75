"""Identities that follow from what they name, so that the same cause always has the same id."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache
from itertools import product

_PAIRS = ["".join(pair) for pair in product("abcdefghijklmnopqrstuvwxyz234567", repeat=2)]
"""What ten bits are in base 32."""


def stable_id(prefix: str, *parts: str, length: int = 16) -> str:
    """Derive an id from its parts: the same parts give the same id on every run and machine.

    The digest is SHA-256 over the length-prefixed parts, so ("ab", "c") and ("a", "bc") differ; the text is
    lower-case base 32 without padding (RFC 4648, section 6), of an even length up to 50.
    """
    digest = hashlib.sha256(b"".join([_piece(part) for part in (prefix, *parts)])).digest()
    bits = 5 * length
    whole = (bits + 7) // 8
    number = int.from_bytes(digest[:whole], "big") >> (8 * whole - bits)
    return f"{prefix}-{''.join([_PAIRS[number >> shift & 1023] for shift in range(bits - 10, -1, -10)])}"


def incident_number(*identity: str, at: datetime) -> str:
    """Derive an incident's number, such as CW-2026-7KQ2M4AB, from what the incident is; the year is that of `at`."""
    return f"CW-{at.year:04}-{stable_id('CW', *identity, length=8).removeprefix('CW-').upper()}"


@lru_cache(maxsize=8192)
def _piece(part: str) -> bytes:
    raw = part.encode("utf-8", "surrogatepass")
    return len(raw).to_bytes(8, "big") + raw
