"""What is said to each database in its own words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, Connection, Select, Table, Text, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

POSTGRESQL = "postgresql"
"""The name of the dialect; a table's `info` has under it what makes whatever belongs to the table there."""


def is_postgresql(connection: Connection) -> bool:
    """Say whether the store is on a PostgreSQL server, and no file of SQLite."""
    return connection.dialect.name == POSTGRESQL


def insert(connection: Connection, table: Table) -> sqlite.Insert:
    """Make an insertion that may say `on_conflict_do_update`; each database has a class for it."""
    return postgresql.insert(table) if is_postgresql(connection) else sqlite.insert(table)  # type: ignore[return-value]


def many(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> int:
    """Run a statement for many rows and return how many it changed; a value stands as `?`, and for nothing else.

    Thousands a second come under attack, so it goes straight through the driver.
    """
    if not rows:
        return 0
    spelled = statement.replace("?", "%s") if is_postgresql(connection) else statement
    return connection.exec_driver_sql(spelled, rows).rowcount


def listed(connection: Connection, keys: Iterable[str]) -> Select[Any]:
    """Have the database look into one value for keys of which there may be more than a statement has parameters."""
    if is_postgresql(connection):
        return select(func.unnest(literal(list(keys), ARRAY(Text))))
    return select(func.json_each(json.dumps(list(keys))).table_valued("value").c.value)


def json_text(connection: Connection, column: str, key: str) -> str:
    """Spell the text under a key of a JSON document."""
    return f"CAST({column} AS json) ->> '{key}'" if is_postgresql(connection) else f"json_extract({column}, '$.{key}')"


def truths(connection: Connection) -> dict[str, str]:
    """Say how true and false are written where a partial index shall be used: `closed = {no}`."""
    return {"yes": "true", "no": "false"} if is_postgresql(connection) else {"yes": "1", "no": "0"}
