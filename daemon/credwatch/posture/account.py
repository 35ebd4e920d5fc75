"""How an account stands at one reading of a source, as far as the source says."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from credwatch.posture.hashes.scheme import StoredPassword

AccountKind = Literal["person", "service", "shared"]
"""Who is meant to use an account: one person, a program, or several people."""


class AccountState(Struct, frozen=True):
    """One account; None stands for what the source does not say."""

    user: str
    """Its name, as the source writes it."""
    source: str
    """The source that told of it."""
    customer: str = ""
    """The customer whose account it is; empty for one's own."""
    password: StoredPassword | None = None
    """What its password is made with."""
    is_guessable: bool | None = None
    """Whether the password was guessed when it was tried last."""
    password_changed_at: datetime | None = None
    """When the password was changed last, UTC."""
    created_at: datetime | None = None
    """When the account was made, UTC."""
    last_login_at: datetime | None = None
    """When it was used last, UTC."""
    has_logged_in: bool | None = None
    """Whether it was ever used."""
    factors: tuple[str, ...] | None = None
    """The kinds of its second factors, as the source names them, in small letters."""
    roles: tuple[str, ...] | None = None
    """What it may do."""
    owner: str | None = None
    """Who answers for it; empty where the source says that nobody does."""
    owner_is_active: bool | None = None
    """Whether the owner still works here."""
    is_enabled: bool | None = None
    """Whether one can log in with it at all."""
    is_privileged: bool | None = None
    """Whether it may change what others may do."""
    is_interactive: bool | None = None
    """Whether a person can log in with it, and not a program alone."""
    kind: AccountKind | None = None
    """Who is meant to use it."""
