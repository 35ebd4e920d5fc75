"""What an account does not keep, from the first reading that showed it to the last."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

POSTURE = "posture"
"""The name of the source that gives findings to the rules."""


class FindingKey(Struct, frozen=True):
    """By what a finding is the same at the next reading."""

    source: str
    """The source of accounts."""
    customer: str
    """The customer whose account it is; empty for one's own."""
    user: str
    """The account."""
    rule: str
    """What it does not keep."""


class AccountFinding(Struct, frozen=True):
    """One account that does not keep one rule."""

    key: FindingKey
    """Which."""
    detail: str
    """What breaks the rule."""
    since: datetime
    """The first reading that showed it, UTC."""
    roles: tuple[str, ...] = ()
    """What the account may do."""
    exemption: str = ""
    """Who has approved that it does not keep the rule for now; empty where nobody has."""
    is_told: bool = False
    """Whether the rules were told of it: not while it is exempt, or in its time of grace."""


class RuleCount(Struct, frozen=True):
    """How many accounts of a customer, in a role, keep a rule."""

    customer: str
    """The customer; empty for one's own accounts."""
    role: str
    """The role; empty for all accounts."""
    rule: str
    """The rule."""
    kept: int
    """How many keep it."""
    broken: int
    """How many do not, the exempt among them."""
    untold: int
    """Of how many the source does not tell."""


class PasswordAudited(Struct, frozen=True):
    """What came of trying the password of an account; nothing of the password."""

    customer: str
    """The customer whose account it is; empty for one's own."""
    user: str
    """The account."""
    at: datetime
    """When it was tried, UTC."""
    outcome: Literal["guessed", "held", "untried"]
    """Whether a guess was right, none was, or nobody here can try it."""
