"""The exemptions: which accounts need not keep a rule for a while, why, and who agreed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from credwatch.kernel.account import compared
from credwatch.kernel.options import Options, read_toml
from credwatch.world.entries import Id, Name

LONGEST_EXEMPTION = timedelta(days=366)
"""No exemption lasts longer; what is needed longer is asked for again."""


class Exemption(Options):
    """One `[[exemption]]`."""

    account: Name
    """The account, as its source writes it."""
    customer: Annotated[str, Field(max_length=254)] = ""
    """The id of its customer; empty for an account of one's own."""
    rules: Annotated[tuple[Name, ...], Field(min_length=1)]
    """What it need not keep: rules of docs/posture.md."""
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    """Why."""
    approver: Id
    """The staff member who agreed, and who does not use the account."""
    since: AwareDatetime
    """From when on, with its time zone."""
    until: AwareDatetime
    """Until when, exclusive, with its time zone."""

    def covers(self, customer: str, account: str, rule: str) -> bool:
        """Say whether it is about this, at whatever time."""
        is_it = compared(self.account) == compared(account) and self.customer == customer
        return is_it and rule in self.rules

    def holds_at(self, moment: datetime) -> bool:
        """Say whether it holds at a moment."""
        return self.since <= moment < self.until

    @model_validator(mode="after")
    def _is_bounded(self) -> Exemption:
        if not timedelta() < self.until - self.since <= LONGEST_EXEMPTION:
            days = LONGEST_EXEMPTION.days
            raise ValueError(f"until must be later than since, by {days} days at most; ask again for longer")
        return self


class _ExemptionsFile(Options):
    exemption: tuple[Exemption, ...] = ()


def read_exemptions(text: str, where: str) -> tuple[Exemption, ...]:
    """Read `exemptions.toml`; raises ConfigurationError or ProblemsFound with file, entry and key."""
    return read_toml(text, _ExemptionsFile, where=where).exemption
