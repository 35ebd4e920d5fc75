"""The least that a scheme must cost: OWASP Password Storage Cheat Sheet, August 2026, and ASVS 5.0 appendix C."""

from __future__ import annotations

_ARGON2 = ((47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5))
"""Memory in KiB and passes: five ways of the same strength."""
_SCRYPT = ((17, 1), (16, 2), (15, 3), (14, 5), (13, 10))
"""Binary logarithm of N, and p, at r = 8: likewise."""
_PBKDF2 = {"sha1": 1_300_000, "sha256": 600_000, "sha512": 210_000}
_BCRYPT = 10
_CRYPT_ROUNDS = 5000
"""What crypt(5) takes where the hash names no rounds; OWASP names no figure for it."""


def argon2_is_enough(memory_kib: int, passes: int) -> bool:
    """Say whether argon2 with this memory and so many passes is as strong as one of the five ways."""
    return any(memory_kib >= least and passes >= least_passes for least, least_passes in _ARGON2)


def scrypt_is_enough(log_n: int, block: int, lanes: int) -> bool:
    """Say whether scrypt with N = 2^log_n, r and p is as strong as one of the five ways."""
    return any(log_n >= least and block >= 8 and lanes >= least_lanes for least, least_lanes in _SCRYPT)


def pbkdf2_is_enough(digest: str, rounds: int) -> bool:
    """Say whether PBKDF2 with HMAC of this digest runs for long enough; one that is not named is held to SHA-256's."""
    return rounds >= _PBKDF2.get(digest, _PBKDF2["sha256"])


def bcrypt_is_enough(cost: int) -> bool:
    """Say whether bcrypt's cost is enough."""
    return cost >= _BCRYPT


def crypt_is_enough(rounds: int) -> bool:
    """Say whether crypt(5) runs SHA-256 or SHA-512 for long enough."""
    return rounds >= _CRYPT_ROUNDS
