"""Names of accounts: the pair that the gate is asked about, and the form in which names are compared."""

from __future__ import annotations

import re
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


def compared(name: str) -> str:
    """Write an account's name as it is compared: two names of one account are equal in this form.

    In small letters, composed (Unicode NFC). `DOM/user`, and `user@DOM` where DOM has no dot, are `DOM\\user`, as
    Windows, Samba and Kerberos write one account; `.\\user` is the machine's own `user`.
    """
    small = name.lower()
    if small.isascii() and not _JOINT.search(small):
        return small
    composed = unicodedata.normalize("NFC", small)
    if parts := _DOMAIN_FIRST.fullmatch(composed):
        domain, user = parts.groups()
    elif parts := _DOMAIN_LAST.fullmatch(composed):
        user, domain = parts.groups()
    else:
        return composed
    return user if domain == "." else f"{domain}\\{user}"


_JOINT = re.compile(r"[\\/@]")
_DOMAIN_FIRST = re.compile(r"([^\\/@\s]+)[\\/]([^\\/@]+)")
_DOMAIN_LAST = re.compile(r"([^\\/@]+)@([^\\/@.\s]+)")
