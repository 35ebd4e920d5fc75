"""Deletes what is over, by kind, in batches small enough to hold up no other writer.

Each batch is one short transaction that both chooses and deletes. So what is opened again, or begins to wait, in
between is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from credwatch.store.database import Database, metadata
from credwatch.store.moments import to_micros

_BATCH = 500
_INCIDENTS = 50
_OWN_WAY = ("incidents", "detections", "commands")

# Closed; closed for long enough; nothing of it runs, waits or goes on.
_OVER = """
SELECT number FROM incidents AS i
WHERE status = 'closed' AND held = 0 AND detected < :limit
AND CAST(strftime('%s', coalesce(
    json_extract(document, '$.transitions[#-1].at'), json_extract(document, '$.detected_last')
)) AS INTEGER) < :limit / 1000000
AND {notified} (
    EXISTS (SELECT 1 FROM legal_clocks AS c WHERE c.incident = i.number)
    OR EXISTS (SELECT 1 FROM commands AS m WHERE m.incident = i.number AND m.kind IN ('notify', 'report'))
)
AND NOT EXISTS (
    SELECT 1 FROM legal_clocks AS c WHERE c.incident = i.number AND c.met_at IS NULL AND c.waived_at IS NULL
)
AND NOT EXISTS (
    SELECT 1 FROM commands AS m WHERE m.incident = i.number AND m.state NOT IN ('delivered', 'dropped')
)
AND NOT EXISTS (
    SELECT 1 FROM detections AS d JOIN episodes AS e ON e.serial = d.serial
    WHERE d.incident = i.number AND e.closed = 0
)
LIMIT :most
"""

# The newest episode stays: the next one is numbered after it.
_LONE_EPISODES = """
SELECT serial FROM episodes AS e
WHERE closed = 1 AND last < :limit AND serial < (SELECT max(serial) FROM episodes)
AND NOT EXISTS (SELECT 1 FROM detections AS d WHERE d.serial = e.serial AND d.incident != '')
LIMIT :most
"""

_LONE_MESSAGES = """
SELECT id FROM commands
WHERE incident = '' AND state IN ('delivered', 'dropped') AND settled_at < :limit
AND id NOT IN (SELECT id FROM commands WHERE workflow = 'digest' ORDER BY created_at DESC LIMIT 1)
LIMIT :most
"""

_OLD_SILENCES = "SELECT id FROM silences WHERE told = 1 AND over < :limit LIMIT :most"


def delete_batch(database: Database, kind: str, before: datetime) -> int:
    """Delete some of a kind (a field of RetentionOptions) that was over before a moment; 0 once none is left.

    Returns how many rows went, those that belong to them included; raises StoreError.
    """
    with database.writing() as connection:
        return KINDS[kind](connection, to_micros(before))


def size(database: Database) -> int:
    """Tell how many bytes the store takes, its free pages included; raises StoreError."""
    with database.reading() as connection:
        pages, page = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")
        )
        return int(pages) * int(page)


def _incidents(*, notified: bool) -> Callable[[Connection, int], int]:
    query = text(_OVER.format(notified="" if notified else "NOT"))

    def forget(connection: Connection, limit: int) -> int:
        numbers = connection.execute(query, {"limit": limit, "most": _INCIDENTS}).scalars().all()
        return _forget_incidents(connection, numbers)

    return forget


def _forget_incidents(connection: Connection, numbers: Sequence[str]) -> int:
    """Delete incidents with all that belongs to them: whatever table has a column `incident`."""
    belongings = [table for table in metadata.tables.values() if "incident" in table.c and table.name not in _OWN_WAY]
    return (
        _delete(connection, "receipts", "command IN (SELECT id FROM commands WHERE incident = ?)", numbers)
        + _delete(connection, "silenced", "serial IN (SELECT serial FROM detections WHERE incident = ?)", numbers)
        + _delete(connection, "episodes", "serial IN (SELECT serial FROM detections WHERE incident = ?)", numbers)
        + sum(_delete(connection, name, "incident = ?", numbers) for name in ("commands", "detections"))
        + sum(_delete(connection, table.name, "incident = ?", numbers) for table in belongings)
        + _delete(connection, "incidents", "number = ?", numbers)
    )


def _lone_episodes(connection: Connection, limit: int) -> int:
    serials = connection.execute(text(_LONE_EPISODES), {"limit": limit, "most": _BATCH}).scalars().all()
    return sum(_delete(connection, table, "serial = ?", serials) for table in ("silenced", "detections", "episodes"))


def _lone_messages(connection: Connection, limit: int) -> int:
    ids = connection.execute(text(_LONE_MESSAGES), {"limit": limit, "most": _BATCH}).scalars().all()
    return _delete(connection, "receipts", "command = ?", ids) + _delete(connection, "commands", "id = ?", ids)


def _silences(connection: Connection, limit: int) -> int:
    ids = connection.execute(text(_OLD_SILENCES), {"limit": limit, "most": _INCIDENTS}).scalars().all()
    return _delete(connection, "silenced", "silence = ?", ids) + _delete(connection, "silences", "id = ?", ids)


def _rows(table: str, is_old: str) -> Callable[[Connection, int], int]:
    """Make the deletion of a table's rows that stand for themselves."""
    old = f"SELECT rowid FROM {table} WHERE {is_old} LIMIT :most"  # noqa: S608  # our own words
    statement = text(f"DELETE FROM {table} WHERE rowid IN ({old})")  # noqa: S608  # our own words
    return lambda connection, limit: connection.execute(statement, {"limit": limit, "most": _BATCH}).rowcount


def _delete(connection: Connection, table: str, where: str, keys: Sequence[str | int]) -> int:
    if not keys:
        return 0
    statement = f"DELETE FROM {table} WHERE {where}"  # noqa: S608  # our own words
    return connection.exec_driver_sql(statement, [(key,) for key in keys]).rowcount


KINDS: dict[str, Callable[[Connection, int], int]] = {
    "notified_incidents": _incidents(notified=True),
    "incidents": _incidents(notified=False),
    "detections": _lone_episodes,
    "messages": _lone_messages,
    "unparsed": _rows("unparsed", "received < :limit"),
    "counts": _rows("tallies", "day < date(:limit / 1000000, 'unixepoch')"),
    "silences": _silences,
    "password_history": _rows("past_passwords", "kept_at < :limit"),
}
"""What deletes a batch of each kind."""
