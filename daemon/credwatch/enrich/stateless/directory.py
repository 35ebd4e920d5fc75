"""Tells whose the accounts of a batch are, by the rule of `world/owners.py`."""

from __future__ import annotations

import polars as pl

from credwatch.enrich.columns import accounts
from credwatch.world.owners import Owners

_ENTRY = {
    "account": pl.String,
    "kind": pl.String,
    "id": pl.String,
    "department": pl.String,
    "privileged": pl.Boolean,
    "customer": pl.String,
    "decoy": pl.Boolean,
}
OWNER = {name: kind for name, kind in _ENTRY.items() if name != "account"}
"""What is found of an account, by column: its type."""


class Directory:
    """The owners of accounts as frames, for the join with a batch."""

    def __init__(self, owners: Owners) -> None:
        rows = [
            (name, owner.kind, owner.id, owner.department, owner.privileged, owner.customer, owner.decoy)
            for name, owner in owners.accounts.items()
        ]
        self._entries = pl.LazyFrame(rows, schema=_ENTRY, orient="row")
        self._domains = pl.LazyFrame(
            {"domain": list(owners.domains), "domain_customer": list(owners.domains.values())},
            schema={"domain": pl.String, "domain_customer": pl.String},
        )
        self._is_empty = not owners.accounts and not owners.domains

    def look_up(self, names: pl.Series, emails: pl.Series | None = None) -> pl.DataFrame | None:
        """Find the owners of accounts, row by row: by name, and where that finds nobody, by e-mail address.

        Gives the columns of OWNER: `kind` (staff, customer, or null), `id`, `department`, `privileged` (null where the
        account is not listed), `customer`, and `decoy`; or None where nobody is found in any row. An account that is
        not listed belongs to the customer of its address's domain.
        """
        by_name = self._owners(names)
        by_email = self._owners(emails) if emails is not None else None
        if by_name is None or by_email is None:
            return by_email if by_name is None else by_name
        is_found = pl.col("kind").is_not_null() | pl.col("privileged").is_not_null()
        both = pl.concat([by_name, by_email.rename(lambda name: f"email_{name}")], how="horizontal")
        return both.select(pl.when(is_found).then(name).otherwise(f"email_{name}").alias(name) for name in OWNER)

    def _owners(self, names: pl.Series) -> pl.DataFrame | None:
        """Find owners by one name each; distinct names are looked up once."""
        if self._is_empty or names.null_count() == len(names):
            return None
        is_listed, is_in_domain = pl.col("privileged").is_not_null(), pl.col("domain_customer").is_not_null()
        distinct = names.unique()
        owners = (
            pl.LazyFrame({"name": distinct, "account": accounts(distinct)})
            .join(self._entries, on="account", how="left")
            .with_columns(domain=pl.col("account").str.slice(pl.col("account").str.find("@", literal=True) + 1))
            .join(self._domains, on="domain", how="left")
            .with_columns(
                kind=pl.when(~is_listed & is_in_domain).then(pl.lit("customer")).otherwise("kind"),
                customer=pl.when(is_listed).then("customer").otherwise("domain_customer"),
            )
            .filter(pl.col("kind").is_not_null() | is_listed)
            .select("name", *OWNER)
            .collect()
        )
        if owners.is_empty():
            return None
        return pl.DataFrame({"name": names}).join(owners, on="name", how="left", maintain_order="left").drop("name")
