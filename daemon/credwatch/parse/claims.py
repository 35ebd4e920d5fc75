"""Says which packs could have written a text, by words that only their lines hold: one pass for all packs.

The idea: every pack names a few texts without which no line is its own. All of them are looked for at once, in one pass
of an automaton over each text (Aho and Corasick 1975), so that a hundred packs cost what one does. What a text holds
says who may read it; only who may is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl
from msgspec import Struct


class Claims(Struct, frozen=True, eq=False):
    """What of the claims of some packs stands in each of some texts."""

    held: pl.Series
    """For each text, which claims it holds (list of String)."""
    present: frozenset[str]
    """The claims that any of them holds."""

    def of(self, claims: Collection[str]) -> pl.Series:
        """Mark the texts (Boolean) that hold one of these claims."""
        wanted = [claim for claim in claims if claim in self.present]
        if not wanted:
            return pl.Series([False]).new_from_index(0, len(self.held))
        if len(self.present) == len(wanted):
            return self.held.list.len() > 0
        return self.held.to_frame("held").select(
            pl.any_horizontal(pl.col("held").list.contains(claim) for claim in wanted).fill_null(False)
        ).to_series()  # fmt: skip


def held_claims(texts: pl.Series, claims: Sequence[str]) -> Claims:
    """Look for claims in texts (String); a null holds none."""
    if texts.is_empty() or not claims:
        return Claims(pl.Series([None], dtype=pl.List(pl.String)).new_from_index(0, len(texts)), frozenset())
    held = texts.str.extract_many(list(claims), overlapping=True)
    return Claims(held, frozenset(held.explode().drop_nulls().unique().to_list()))
