"""Tells whose an account is: a staff member's, a customer's, or nobody's that is known."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from credwatch.enrich.columns import accounts
from credwatch.enrich.stateless.known import Known

_ENTRY = {
    "account": pl.String,
    "kind": pl.String,
    "id": pl.String,
    "department": pl.String,
    "privileged": pl.Boolean,
    "customer": pl.String,
}
OWNER = {name: kind for name, kind in _ENTRY.items() if name != "account"}
"""What is found of an account, by column: its type."""

_Row = tuple[str, str | None, str | None, str | None, bool, str | None]


class Directory:
    """The accounts of the registers, by login name and address, and the customers' address domains."""

    def __init__(self, known: Known) -> None:
        rows = [*_staff(known), *_users(known), *_recognised(known)]
        entries = pl.DataFrame(rows, schema=_ENTRY, orient="row")
        entries = entries.with_columns(accounts(entries["account"]))
        self._entries = entries.unique("account", keep="first", maintain_order=True).lazy()
        domains = {
            domain.lower(): customer.id for customer in known.customers for domain in customer.recognise.email_domains
        }
        self._domains = pl.DataFrame(
            {"domain": list(domains), "domain_customer": list(domains.values())},
            schema={"domain": pl.String, "domain_customer": pl.String},
        ).lazy()
        self._is_empty = not rows and not domains

    def look_up(self, names: pl.Series, emails: pl.Series | None = None) -> pl.DataFrame | None:
        """Find the owners of accounts, row by row: by name, and where that finds nobody, by e-mail address.

        Gives the columns of OWNER: `kind` (staff, customer, or null), `id`, `department`, `privileged` (null where the
        account is not listed), and `customer`; or None where nobody is found in any row. An account that is not listed
        belongs to the customer of its address's domain.
        """
        found = self._owners(names)
        by_email = self._owners(emails) if emails is not None else None
        if found is None or by_email is None:
            return by_email if found is None else found
        is_found = pl.col("kind").is_not_null() | pl.col("privileged").is_not_null()
        both = pl.concat([found, by_email.rename(lambda name: f"email_{name}")], how="horizontal")
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


def _staff(known: Known) -> Iterator[_Row]:
    for member in known.staff.staff:
        for account in member.accounts:
            yield account, "staff", member.id, member.department, member.is_privileged, None


def _users(known: Known) -> Iterator[_Row]:
    for user in known.users:
        kind = "customer" if user.customer else None
        for account in (user.name, user.email):
            if account:
                yield account, kind, user.name, None, user.privileged, user.customer


def _recognised(known: Known) -> Iterator[_Row]:
    for customer in known.customers:
        for account in customer.recognise.users:
            yield account, "customer", account, None, False, customer.id
