"""Says which packs could have written a text, by words that only their lines hold: one pass for all packs.

The idea: every pack names a few texts without which no line is its own. All of them are looked for at once, in one pass
of an automaton over each text (Aho and Corasick 1975), so that a hundred packs cost what one does. What a text holds
says who may read it; only who may is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from operator import or_

import polars as pl
from msgspec import Struct


class Claims(Struct, frozen=True, eq=False):
    """Which claims stand in some texts."""

    texts: pl.Series
    """The texts (String)."""
    present: frozenset[str]
    """The claims that could stand in one of them: a claim that is not here stands in none."""

    def of(self, claims: Collection[str]) -> pl.Series:
        """Mark the texts (Boolean) that hold one of these claims."""
        present = sorted(self.present.intersection(claims))
        marks = [self.texts.str.contains(claim, literal=True).fill_null(False) for claim in present]
        nowhere = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(self.texts))
        return reduce(or_, marks, nowhere)


def held_claims(texts: pl.Series, claims: Sequence[str]) -> Claims:
    """Look for claims in texts (String); a null holds none.

    The quotes around keys are left out at first: without a letter that all begin with, the search takes half as long.
    """
    if texts.is_empty() or not claims:
        return Claims(texts, frozenset())
    bare = {claim: claim.strip('"') or claim for claim in claims}
    hits = texts.str.extract_many(sorted(set(bare.values())), overlapping=True)
    present = set(hits.explode().drop_nulls().unique().to_list())
    return Claims(texts, frozenset(claim for claim, word in bare.items() if word in present))
