"""Adds whether a login was due a second factor."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from credwatch.enrich.columns import column
from credwatch.world.register import Registers

Profiles = Mapping[str, Collection[str]]
"""For each policy profile whose logins need a second factor: among "staff", "privileged" and "all"."""


class SecondFactor:
    """Knows whom each profile asks for a second factor."""

    def __init__(self, registers: Registers, profiles: Profiles, staff_profile: str) -> None:
        demands = {customer.id: profiles.get(customer.profile, ()) for customer in registers.customers}
        self._own = profiles.get(staff_profile, ())
        self._customers = list(demands)
        self._of_all = [customer for customer, whom in demands.items() if "all" in whom]
        self._of_privileged = [customer for customer, whom in demands.items() if "privileged" in whom]

    def enrich(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add `credwatch.mfa.due` to successful logins; it is null for every other event.

        Staff is held to the staff profile, a customer's account to its customer's. An account that belongs to neither
        logs in to one's own systems, so the staff profile's "privileged" and "all" hold for it.
        """
        action, outcome = column(events, "event.action"), column(events, "event.outcome")
        is_login = (action == "login") & (outcome == "success")
        is_privileged = column(events, "credwatch.user.privileged").fill_null(False)
        customer = column(events, "organization.id")
        own = is_privileged & pl.lit("privileged" in self._own) | pl.lit("all" in self._own)
        due = (
            pl.when(column(events, "credwatch.actor.kind") == "staff")
            .then(own | pl.lit("staff" in self._own))
            .when(customer.is_in(self._customers))
            .then(customer.is_in(self._of_all) | (is_privileged & customer.is_in(self._of_privileged)))
            .otherwise(own)
        )
        return events.with_columns(pl.when(is_login).then(due).alias("credwatch.mfa.due"))
