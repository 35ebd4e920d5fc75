"""Identities that follow from what they name, so that the same cause always has the same id."""

from __future__ import annotations

import hashlib
from itertools import product

_PAIRS = ["".join(pair) for pair in product("abcdefghijklmnopqrstuvwxyz234567", repeat=2)]
"""What ten bits are in base 32."""


def stable_id(prefix: str, *parts: str, length: int = 16) -> str:
    """Derive an id from its parts: the same parts give the same id on every run and machine.

    The digest is SHA-256 over the length-prefixed parts, so ("ab", "c") and ("a", "bc") differ; the text is
    lower-case base 32 without padding (RFC 4648, section 6), of an even length up to 50.
    """
    raws = [part.encode("utf-8", "surrogatepass") for part in (prefix, *parts)]
    digest = hashlib.sha256(b"".join([piece for raw in raws for piece in (len(raw).to_bytes(8, "big"), raw)])).digest()
    bits = 5 * length
    number = int.from_bytes(digest, "big") >> (256 - bits)
    return f"{prefix}-{''.join([_PAIRS[number >> shift & 1023] for shift in range(bits - 10, -1, -10)])}"
