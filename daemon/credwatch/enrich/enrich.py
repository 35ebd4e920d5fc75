"""Adds to events what the registers know, so that every detection can be a rule over columns."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Protocol

import polars as pl

from credwatch.enrich.stateless.authorisation import Authorisations
from credwatch.enrich.stateless.blocks import AddressBlocks
from credwatch.enrich.stateless.identity import Identity
from credwatch.enrich.stateless.places import Places
from credwatch.enrich.stateless.policy import Profiles, SecondFactor
from credwatch.world.authorisations import Permit
from credwatch.world.register import Registers


class _Step(Protocol):
    def enrich(self, events: pl.DataFrame) -> pl.DataFrame: ...


class Enricher:
    """Compiled once for each version of the registers and profiles; a value that any thread may use.

    `mfa_required_for` says for each policy profile whose logins need a second factor ("staff", "privileged", "all");
    `staff_profile` names the one that holds for staff; `places` knows addresses.
    """

    def __init__(
        self, registers: Registers, mfa_required_for: Profiles, staff_profile: str, places: Places | None = None
    ) -> None:
        identity = Identity(registers)
        second_factor = SecondFactor(registers, mfa_required_for, staff_profile)
        self._before: tuple[_Step, ...] = (identity, second_factor)
        self._authorisations = Authorisations(registers, identity)
        self._behind: tuple[_Step, ...] = (AddressBlocks(), places or Places())

    def with_permits(self, permits: Iterable[Permit]) -> Enricher:
        """Return the same with what people have granted beside the register, in place of what was granted before."""
        other = copy(self)
        other._authorisations = self._authorisations.with_permits(permits)
        return other

    def enrich(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add who acts on whose account, what the policy asks, what authorises it, and from where; rows and order stay.

        Each step reads columns of the one before. What needs memory of earlier events is added by `mark_attempts` and
        `mark_novelty`.
        """
        for step in (*self._before, self._authorisations, *self._behind):
            events = step.enrich(events)
        return events
