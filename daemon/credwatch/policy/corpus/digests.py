"""Under which number a password stands in a corpus: the first 60 bits of its hash."""

from __future__ import annotations

import hashlib
import struct

from credwatch.policy.corpus.layout import HashKind

_MASK = 0xFFFFFFFF
_ROUNDS = (
    (0, (3, 7, 11, 19), (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)),
    (0x5A827999, (3, 5, 9, 13), (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)),
    (0x6ED9EBA1, (3, 9, 11, 15), (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)),
)


def key_of_password(password: str, kind: HashKind) -> int:
    """Return the number of a password: of its UTF-8 with SHA-1, of its UTF-16 with MD4, which NTLM is."""
    if kind is HashKind.SHA1:
        raw = password.encode("utf-8", "surrogatepass")
        return key_of_digest(hashlib.sha1(raw, usedforsecurity=False).digest())
    return key_of_digest(md4(password.encode("utf-16-le", "surrogatepass")))


def key_of_digest(digest: bytes) -> int:
    """Return the number of a hash: its first 60 bits."""
    return int.from_bytes(digest[:8]) >> 4


def md4(message: bytes) -> bytes:
    """Return the MD4 of a message (RFC 1320), which OpenSSL 3 no longer gives by default."""
    padded = message + b"\x80" + b"\0" * (-(len(message) + 9) % 64) + struct.pack("<Q", 8 * len(message))
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for start in range(0, len(padded), 64):
        state = _compressed(state, struct.unpack("<16I", padded[start : start + 64]))
    return struct.pack("<4I", *state)


def _compressed(state: tuple[int, int, int, int], words: tuple[int, ...]) -> tuple[int, int, int, int]:
    a, b, c, d = state
    for number, (constant, shifts, order) in enumerate(_ROUNDS):
        for step, place in enumerate(order):
            total = (a + _mixed(number, b, c, d) + words[place] + constant) & _MASK
            shift = shifts[step % 4]
            a, b, c, d = d, ((total << shift) | (total >> (32 - shift))) & _MASK, b, c
    return (state[0] + a) & _MASK, (state[1] + b) & _MASK, (state[2] + c) & _MASK, (state[3] + d) & _MASK


def _mixed(number: int, x: int, y: int, z: int) -> int:
    """Mix three words as RFC 1320, section 3.4, has it for each round."""
    if number == 0:
        return (x & y) | (~x & z)
    return (x & y) | (x & z) | (y & z) if number == 1 else x ^ y ^ z
