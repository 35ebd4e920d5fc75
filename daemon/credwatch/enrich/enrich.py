"""Adds to events what the registers know, so that every detection can be a rule over columns."""

from __future__ import annotations

import polars as pl

from credwatch.enrich.stateless.authorisation import Authorisations
from credwatch.enrich.stateless.blocks import AddressBlocks
from credwatch.enrich.stateless.identity import Identity
from credwatch.enrich.stateless.places import Places
from credwatch.enrich.stateless.policy import Profiles, SecondFactor
from credwatch.world.register import Registers


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
        self._steps = (
            identity,
            second_factor,
            Authorisations(registers, identity),
            AddressBlocks(),
            places or Places(),
        )

    def enrich(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add who acts on whose account, what the policy asks, what authorises it, and from where; rows and order stay.

        Each step reads columns of the one before. What needs memory of earlier events is added by `mark_attempts` and
        `mark_novelty`.
        """
        for step in self._steps:
            events = step.enrich(events)
        return events
