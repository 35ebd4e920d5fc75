"""Puts our words in place of a writer's, and makes readable what a writer has encoded."""

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


def unhexed(texts: pl.Series) -> pl.Series:
    """Decode texts (String) that hold bytes of UTF-8 in hexadecimal; null where they are not.

    Control characters, and bytes that are not UTF-8, become U+FFFD.
    """
    decoded = texts.str.decode("hex", strict=False).to_list()
    shown = [None if raw is None else raw.decode(errors="replace") for raw in decoded]
    return pl.Series(texts.name, shown, dtype=pl.String).str.replace_all(r"[\x00-\x1f\x7f-\x9f]", "\ufffd")
