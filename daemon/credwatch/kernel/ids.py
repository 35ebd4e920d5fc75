"""Identities that follow from what they name, so that the same cause always has the same id."""

from __future__ import annotations

import base64
import hashlib


def stable_id(prefix: str, *parts: str, length: int = 16) -> str:
    """Derive an id from its parts: the same parts give the same id on every run and machine.

    The digest is SHA-256 over the length-prefixed parts, so ("ab", "c") and ("a", "bc") differ; the text is
    lower-case base 32 without padding (RFC 4648, section 6).
    """
    pieces: list[bytes] = []
    for part in (prefix, *parts):
        raw = part.encode("utf-8", "surrogatepass")
        pieces += (len(raw).to_bytes(8, "big"), raw)
    digest = hashlib.sha256(b"".join(pieces))
    text = base64.b32encode(digest.digest()[: (length * 5 + 7) // 8 + 4]).decode("ascii").lower()
    return f"{prefix}-{text[:length]}"
