"""Counts, by address, the attempts to log in that failed and those that succeeded: what a replay shows first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from credwatch.enrich.columns import column, has_values

_ACTIONS = ("login", "invalid_user", "user_not_allowed")
_ADDRESS = "source.ip"
_FIRST, _LAST = pl.col("first").min(), pl.col("last").max()


@dataclass(frozen=True, slots=True)
class AddressAttempts:
    """What one address did."""

    address: str
    """The address."""
    failed: int
    """Attempts that failed, each counted once however many lines tell of it."""
    succeeded: int
    """Attempts that succeeded."""
    first: datetime
    """The first attempt, UTC."""
    last: datetime
    """The last attempt, UTC."""


class AttemptCounts:
    """Counts attempts by address over any number of batches."""

    def __init__(self) -> None:
        self._counted = pl.DataFrame(
            schema={
                _ADDRESS: pl.String,
                "failed": pl.Int64,
                "succeeded": pl.Int64,
                "first": pl.Datetime("us", "UTC"),
                "last": pl.Datetime("us", "UTC"),
            }
        )

    def add(self, events: pl.DataFrame) -> None:
        """Count the attempts of an enriched events frame that is marked (`credwatch.attempt`)."""
        if has_values(events, _ADDRESS):
            both = pl.concat([self._counted, _attempts(events)])
            sums = pl.col("failed", "succeeded").sum()
            self._counted = both.group_by(_ADDRESS, maintain_order=True).agg(sums, _FIRST, _LAST)

    def by_address(self) -> Iterator[AddressAttempts]:
        """Give every address with a failed attempt, the most attempts first."""
        guessing = self._counted.filter(pl.col("failed") > 0)
        for row in guessing.sort("failed", "last", descending=True).iter_rows():
            yield AddressAttempts(*row)


def _attempts(events: pl.DataFrame) -> pl.DataFrame:
    """Reduce marked events to one row an address, with the columns of the counts."""
    is_login = (column(events, "event.category") == "authentication") & column(events, "event.action").is_in(_ACTIONS)
    outcome, at = column(events, "event.outcome"), pl.col("@timestamp")
    return (
        events.lazy()
        .filter(pl.col("credwatch.attempt") & is_login & pl.col(_ADDRESS).is_not_null())
        .group_by(_ADDRESS, maintain_order=True)
        .agg(
            (outcome == "failure").sum().cast(pl.Int64).alias("failed"),
            (outcome == "success").sum().cast(pl.Int64).alias("succeeded"),
            at.min().alias("first"),
            at.max().alias("last"),
        )
        .collect()
    )
