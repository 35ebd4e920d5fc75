"""Counts, by address, the attempts to log in that failed and those that succeeded: what a replay shows first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl
from msgspec import Struct

from credwatch.enrich.columns import column, has_values
from credwatch.enrich.habits.tellings import repeats

_ACTIONS = ("login", "invalid_user", "user_not_allowed")
_ADDRESS = "source.ip"
_AT_ONCE = 100_000
_PARTS = 16
_FIRST, _LAST = pl.col("first").min(), pl.col("last").max()


class AddressAttempts(Struct, frozen=True):
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
        nothing = pl.DataFrame(
            schema={
                _ADDRESS: pl.String,
                "failed": pl.Int64,
                "succeeded": pl.Int64,
                "first": pl.Datetime("us", "UTC"),
                "last": pl.Datetime("us", "UTC"),
            }
        )
        # In parts, by the address's hash: to sum up one needs no room for all.
        self._counted = [nothing] * _PARTS
        self._waiting: list[pl.DataFrame] = []

    def add(self, events: pl.DataFrame) -> None:
        """Count the attempts of an enriched events frame that is marked (`credwatch.attempt`)."""
        if has_values(events, _ADDRESS):
            self._waiting.append(_attempts(events))
            if sum(map(len, self._waiting)) > _AT_ONCE + sum(map(len, self._counted)) // 2:
                self._sum_up()

    def by_address(self) -> Iterator[AddressAttempts]:
        """Give every address with a failed attempt, the most attempts first."""
        self._sum_up()
        guessing = pl.concat(self._counted).filter(pl.col("failed") > 0)
        for row in guessing.sort("failed", "last", _ADDRESS, descending=[True, True, False]).iter_rows():
            yield AddressAttempts(*row)

    def _sum_up(self) -> None:
        """Put what was counted since the last time to the rest; seldom, for all addresses are looked at."""
        if not self._waiting:
            return
        waiting = pl.concat(self._waiting)
        self._waiting = []
        part = waiting.get_column(_ADDRESS).hash() % _PARTS
        sums = pl.col("failed", "succeeded").sum()
        for number, counted in enumerate(self._counted):
            every = pl.concat([counted, waiting.filter(part == number)])
            self._counted[number] = every.group_by(_ADDRESS).agg(sums, _FIRST, _LAST)


def _attempts(events: pl.DataFrame) -> pl.DataFrame:
    """Reduce marked events to one row an address, with the columns of the counts."""
    is_login = (column(events, "event.category") == "authentication") & column(events, "event.action").is_in(_ACTIONS)
    outcome, at = column(events, "event.outcome"), pl.col("@timestamp")
    number = pl.col("number")
    return (
        events.with_columns(pl.Series("number", repeats(events)))
        .lazy()
        .filter(pl.col("credwatch.attempt") & is_login & pl.col(_ADDRESS).is_not_null())
        .group_by(_ADDRESS, maintain_order=True)
        .agg(
            number.filter(outcome == "failure").sum().cast(pl.Int64).alias("failed"),
            number.filter(outcome == "success").sum().cast(pl.Int64).alias("succeeded"),
            at.min().alias("first"),
            at.max().alias("last"),
        )
        .collect()
    )
