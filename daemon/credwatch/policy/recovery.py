"""Recovery codes: what a person writes down for the day on which the telephone is lost; each is good once.

NIST SP 800-63B-4, section 3.1.2 (look-up secrets). A code has 80 random bits. Less than 112 bits are hashed as
passwords are, with a salt: so a stolen store tells none of them.
"""

from __future__ import annotations

import base64
import hmac
import secrets

from argon2.low_level import Type, hash_secret_raw
from argon2.profiles import RFC_9106_LOW_MEMORY
from msgspec.structs import replace

from credwatch.kernel.factor import Factor
from credwatch.kernel.secret import Secret

HOW_MANY = 10
_BYTES = 10
_GROUP = 4


def new_codes() -> tuple[Secret, ...]:
    """Make ten codes of 80 bits, in base32 (RFC 4648) and small letters, in groups of four."""
    letters = (base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower() for _ in range(HOW_MANY))
    return tuple(Secret("-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))) for text in letters)


def new_salt() -> str:
    """Make the salt of a set of codes: 128 random bits, hexadecimal (RFC 9106, section 3.1)."""
    return secrets.token_hex(16)


def digest_of(code: Secret, salt: str) -> str:
    """Hash a code by argon2id, as RFC 9106 recommends second; case, blanks and hyphens are no part of it."""
    letters = "".join(sign for sign in code.reveal().lower() if sign.isalnum())
    options = RFC_9106_LOW_MEMORY
    return hash_secret_raw(
        letters.encode("utf-8", "surrogatepass"),
        bytes.fromhex(salt),
        time_cost=options.time_cost,
        memory_cost=options.memory_cost,
        parallelism=options.parallelism,
        hash_len=options.hash_len,
        type=Type.ID,
    ).hex()


def without_code(factor: Factor, digest: str) -> Factor | None:
    """Return the factor with a code used up; None where it is none of its codes. Every digest is compared."""
    rest = tuple(stored for stored in factor.recovery_codes if not hmac.compare_digest(stored, digest))
    return None if len(rest) == len(factor.recovery_codes) else replace(factor, recovery_codes=rest)
