"""What is told of a stored password: its scheme, its cost, and whether that is enough."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Weakness(StrEnum):
    """Why a stored password is not kept well enough."""

    NOTHING = ""
    """It is, or nobody can tell."""
    BROKEN = "broken_scheme"
    """Made with DES, MD5, SHA-1 or something of their time."""
    FAST = "fast_scheme"
    """Made with one run of a hash function, which is guessed at by the billion."""
    UNSALTED = "unsalted"
    """Equal passwords have equal hashes, which are looked up."""
    LOW_COST = "low_cost"
    """Made with a good scheme at less than its least cost."""
    PLAIN = "plain_text"
    """Most likely the password itself."""
    EMPTY = "empty"
    """There is no password, and none is asked for."""


class StoredPassword(Struct, frozen=True):
    """What a stored password is made with; it has no place for any part of the hash."""

    scheme: str
    """Its name, such as bcrypt or argon2id; none, locked, empty, plain or unknown where there is no scheme."""
    cost: str = ""
    """What it costs to try one password, such as `rounds=5000`; empty where the hash does not say."""
    weakness: Weakness = Weakness.NOTHING
    """Why this is not enough."""
    is_locked: bool = False
    """Whether no password can match, as of `!` and `*` in shadow(5)."""
