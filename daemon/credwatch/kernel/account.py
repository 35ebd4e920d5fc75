"""Names whose password or factor the gate is asked about."""

from __future__ import annotations

import unicodedata

from msgspec import Struct


class Account(Struct, frozen=True):
    """One account at one customer; the pair is the key of everything the gate remembers."""

    organization: str
    """The customer's id in the registers; empty for the operator's own accounts."""
    user: str
    """The account's name as the application keeps it; letter case is kept, so send the canonical one."""

    @classmethod
    def of(cls, organization: str, user: str) -> Account:
        """Name an account in NFC, so that both ways of writing an accent are the same account."""
        return cls(unicodedata.normalize("NFC", organization), unicodedata.normalize("NFC", user))
