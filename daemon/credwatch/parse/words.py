"""Puts our words in place of a writer's."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from credwatch.kernel.pack import ANY_VALUE


def replaced(texts: pl.Expr, words: Mapping[str, str]) -> pl.Expr:
    """Replace whole texts by others; `*` stands for every text that is not named, else such a text stays."""
    named = {text: word for text, word in words.items() if text != ANY_VALUE}
    if ANY_VALUE not in words:
        return texts.replace(named)
    other = pl.when(texts.is_not_null()).then(pl.lit(words[ANY_VALUE]))
    return texts.replace_strict(named, default=other, return_dtype=pl.String) if named else other
