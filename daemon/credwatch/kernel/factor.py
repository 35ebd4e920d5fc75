"""A second factor as the gate decides about it and the store keeps it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Factor(Struct, frozen=True):
    """One account's TOTP factor."""

    sealed: str
    """The shared secret, sealed."""
    digits: int
    """Length of its codes, as enrolled."""
    step_seconds: int
    """Length of its steps, as enrolled."""
    enrolled_at: datetime
    """When the secret was made, UTC."""
    confirmed_at: datetime | None = None
    """When the first code proved that the person has it; None until then."""
    used_steps: tuple[tuple[int, int], ...] = ()
    """First and last of the steps whose codes count as used, in order (RFC 6238, section 5.2)."""
    failures: int = 0
    """Failures in a row since the last success; an unlocking does not forget them."""
    forgiven: int = 0
    """How many of those an operator forgave by unlocking."""
    wait_until: datetime | None = None
    """No code is looked at before this moment."""
    locked_at: datetime | None = None
    """When it was locked; None while it is not."""
    recovery_salt: str = ""
    """The salt of its recovery codes, hexadecimal; empty where none were ever made."""
    recovery_codes: tuple[str, ...] = ()
    """The argon2id digests, hexadecimal, of the recovery codes that were not used yet."""
