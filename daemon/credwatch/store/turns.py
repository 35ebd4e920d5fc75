"""Chooses which message leaves next: lanes take turns, so that no customer waits behind another's thousand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, Subquery, Table, Text, func, select, text

from credwatch.store.columns import Number
from credwatch.store.commands import commands
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros
from credwatch.store.statements import insert, is_postgresql

turns = Table(
    "turns",
    metadata,
    Column("lane", Text, primary_key=True),
    Column("served", Number, nullable=False),
    Index("turns_served", "served"),
)
"""One row for each lane that had a turn; the lowest number has waited longest for the next one."""

_BEHIND = 1 << 60
"""Microseconds that put what failed before behind everything that was not tried yet."""


def next_rows(connection: Connection, now: datetime, limit: int, busy: Sequence[str]) -> list[Any]:
    """Give the rows of the next command of each lane that is due by `now`, in the order of their turns."""
    next_of_lane = _next_of_each_lane(connection, now, busy)
    statement = (
        select(commands)
        .join(next_of_lane, commands.c.id == next_of_lane.c.id)
        .outerjoin(turns, turns.c.lane == commands.c.lane)
        .order_by(commands.c.precedence, func.coalesce(turns.c.served, 0), commands.c.created_at, commands.c.id)
        .limit(limit)
    )
    return [row._mapping for row in connection.execute(statement)]


def take_turn(connection: Connection, command_id: str) -> None:
    """Have a command's lane wait behind all others."""
    last = select(func.coalesce(func.max(turns.c.served), 0) + 1).scalar_subquery()
    lane = select(commands.c.lane).where(commands.c.id == command_id).scalar_subquery()
    taken = insert(connection, turns).values(lane=lane, served=last)
    connection.execute(taken.on_conflict_do_update(index_elements=["lane"], set_={"served": taken.excluded.served}))


_NEXT_OF_EACH_LANE = """
SELECT id, min(created_at + CASE WHEN attempts > 0 THEN :behind ELSE 0 END) AS place
FROM commands INDEXED BY commands_waiting
WHERE state = 'queued' AND next_at <= :now AND recipient NOT IN (SELECT value FROM json_each(:busy))
GROUP BY precedence, lane
"""
"""Chooses the next message of each lane by one walk over an index that has all it needs: 3 ms where 20,000 wait.

SQLite takes the id from the row that has the least value (sqlite.org/lang_select.html, bare columns). Left to itself it
would take the index on state and time, and read each row with its texts.
"""

_NEXT_ON_POSTGRESQL = """
SELECT DISTINCT ON (precedence, lane) id
FROM commands
WHERE state = 'queued' AND next_at <= :now AND recipient <> ALL (CAST(:busy AS text[]))
ORDER BY precedence, lane, created_at + CASE WHEN attempts > 0 THEN CAST(:behind AS bigint) ELSE 0 END, id
"""


def _next_of_each_lane(connection: Connection, now: datetime, busy: Sequence[str]) -> Subquery:
    on_server = is_postgresql(connection)
    chosen = text(_NEXT_ON_POSTGRESQL if on_server else _NEXT_OF_EACH_LANE).bindparams(
        now=to_micros(now), busy=list(busy) if on_server else json.dumps(list(busy)), behind=_BEHIND
    )
    return chosen.columns(Column("id", Text)).subquery("next_of_lane")
