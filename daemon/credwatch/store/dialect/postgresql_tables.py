"""The tables of the store as PostgreSQL has them."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Boolean, Column, DefaultClause, Index, MetaData, String, Table, text
from sqlalchemy.dialects.postgresql import TEXT

_TRUTHS = {"0": "false", "1": "true"}


def as_postgresql(declared: MetaData) -> MetaData:
    """Copy the declared tables, and say in words of PostgreSQL what SQLite says otherwise.

    Texts are compared byte by byte, as SQLite does: the order of a locale changes with the C library, and leaves
    indexes that no longer find their rows (wiki.postgresql.org/wiki/Locale_data_changes).
    """
    tables = MetaData()
    for table in declared.sorted_tables:
        copy = table.to_metadata(tables)
        for column in copy.columns:
            _adapt_column(column)
        for index in [*copy.indexes]:
            _adapt_index(index, copy)
    return tables


def _adapt_column(column: Column[Any]) -> None:
    if isinstance(column.type, String):
        column.type = TEXT(collation="C")
    if isinstance(column.type, Boolean) and column.server_default is not None:
        default = str(getattr(column.server_default, "arg", ""))
        column.server_default = DefaultClause(text(_TRUTHS[default]))


def _adapt_index(index: Index, table: Table) -> None:
    """Say which rows it has; of a column whose text may be of any length, keep hashes, which have one length."""
    condition = index.dialect_options["sqlite"]["where"]
    where = None if condition is None else text(_spelled(str(condition), table))
    using = index.dialect_options["postgresql"]["using"] or "btree"
    columns = [*index.columns][: 1 if using == "hash" else None]
    table.indexes.discard(index)
    Index(index.name, *columns, postgresql_where=where, postgresql_using=using)


def _spelled(condition: str, table: Table) -> str:
    names = "|".join(column.name for column in table.columns if isinstance(column.type, Boolean))
    if not names:
        return condition
    return re.sub(rf"\b({names}) = ([01])\b", lambda match: f"{match[1]} = {_TRUTHS[match[2]]}", condition)
