"""Reads event columns that a batch may lack, and maps their distinct values at once."""

from __future__ import annotations

import polars as pl

from credwatch.kernel.account import compared
from credwatch.kernel.dtypes import dtype_of


def column(events: pl.DataFrame, name: str) -> pl.Expr:
    """Read a column, or nulls of its type where the batch lacks it."""
    return pl.col(name) if name in events.columns else pl.lit(None, dtype_of(name)).alias(name)


def has_values(events: pl.DataFrame, name: str) -> bool:
    """Tell whether a batch has the column with a value in any row."""
    return name in events.columns and events[name].null_count() < events.height


def accounts(names: pl.Series) -> pl.Series:
    """Write names of accounts as they are compared, each distinct one once; null stays null."""
    distinct = names.unique().drop_nulls()
    forms = pl.Series([compared(name) for name in distinct.to_list()], dtype=pl.String)
    return names.replace_strict(distinct, forms, default=None, return_dtype=pl.String)


def folded(column: str) -> pl.Expr:
    """Write names as they are compared: in small letters."""
    return pl.col(column).str.to_lowercase()


def values_of(events: pl.DataFrame, name: str) -> pl.Series:
    """Read a String column as a Series, of nulls where the batch lacks it."""
    if name in events.columns:
        return events[name]
    return pl.Series(name, [None], dtype=pl.String).new_from_index(0, events.height)
