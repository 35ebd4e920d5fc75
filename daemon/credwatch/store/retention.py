"""Deletes what is over, by kind, in batches small enough to hold up no other writer.

Each batch is one short transaction that both chooses and deletes. So what is opened again, or begins to wait, in
between is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select, text, tuple_

from credwatch.store.database import Database, metadata
from credwatch.store.gate import past_passwords
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.state import seeing
from credwatch.store.state.progress import tallies, unparsed
from credwatch.store.statements import is_postgresql, many, truths

_BATCH = 500
_INCIDENTS = 50
_OWN_WAY = ("incidents", "detections", "commands")
_STAYS = ("audit_entries",)

# Closed; closed for long enough; nothing of it runs, waits or goes on; no other's joint letter has its number.
_OVER = """
SELECT number FROM incidents AS i
WHERE status = 'closed' AND held = {no} AND detected < :limit AND {ended} < :limit / 1000000
AND {notified} (
    EXISTS (SELECT 1 FROM legal_clocks AS c WHERE c.incident = i.number)
    OR EXISTS (SELECT 1 FROM commands AS m WHERE m.incident = i.number AND m.kind IN ('notify', 'report'))
)
AND NOT EXISTS (
    SELECT 1 FROM legal_clocks AS c WHERE c.incident = i.number AND c.met_at IS NULL AND c.waived_at IS NULL
)
AND NOT EXISTS (
    SELECT 1 FROM commands AS m WHERE m.incident = i.number AND m.state NOT IN ('delivered', 'dropped', 'returned')
)
AND NOT EXISTS (
    SELECT 1 FROM commands AS m JOIN joined AS j ON j.told_by = m.id
    WHERE m.incident = i.number AND j.incident != i.number
)
AND NOT EXISTS (
    SELECT 1 FROM detections AS d JOIN episodes AS e ON e.serial = d.serial
    WHERE d.incident = i.number AND e.closed = {no}
)
LIMIT :most
"""

_ENDED = """
CAST(strftime('%s', coalesce(
    json_extract(document, '$.transitions[#-1].at'), json_extract(document, '$.detected_last')
)) AS INTEGER)
"""
_ENDED_ON_POSTGRESQL = """
extract(epoch FROM CAST(coalesce(
    CAST(document AS json) #>> '{transitions,-1,at}', CAST(document AS json) ->> 'detected_last'
) AS timestamptz))
"""

# The newest episode stays: the next one is numbered after it.
_LONE_EPISODES = """
SELECT serial FROM episodes AS e
WHERE closed = {yes} AND last < :limit AND serial < (SELECT max(serial) FROM episodes)
AND NOT EXISTS (SELECT 1 FROM detections AS d WHERE d.serial = e.serial AND d.incident != '')
LIMIT :most
"""

_LONE_MESSAGES = """
SELECT id FROM commands
WHERE incident = '' AND state IN ('delivered', 'dropped', 'returned') AND settled_at < :limit
AND id NOT IN (SELECT id FROM commands WHERE workflow = 'digest' ORDER BY created_at DESC LIMIT 1)
LIMIT :most
"""

_OLD_SILENCES = "SELECT id FROM silences WHERE told = {yes} AND over < :limit LIMIT :most"


def delete_batch(database: Database, kind: str, before: datetime) -> int:
    """Delete some of a kind (a field of RetentionOptions) that was over before a moment; 0 once none is left.

    Returns how many rows went, those that belong to them included; raises StoreError.
    """
    with database.writing() as connection:
        return KINDS[kind](connection, to_micros(before))


def size(database: Database) -> int:
    """Tell how many bytes the store takes, its free pages included; raises StoreError."""
    with database.reading() as connection:
        return database.dialect.size(connection)


def _incidents(*, notified: bool) -> Callable[[Connection, int], int]:
    def forget(connection: Connection, limit: int) -> int:
        ended = _ENDED_ON_POSTGRESQL if is_postgresql(connection) else _ENDED
        numbers = _chosen(connection, _OVER, limit, _INCIDENTS, notified="" if notified else "NOT", ended=ended)
        return _forget_incidents(connection, numbers)

    return forget


def _forget_incidents(connection: Connection, numbers: Sequence[str]) -> int:
    """Delete incidents with all that belongs to them: whatever table has a column `incident`, but the audit trail."""
    others = (*_OWN_WAY, *_STAYS)
    belongings = [table for table in metadata.tables.values() if "incident" in table.c and table.name not in others]
    return (
        _delete(connection, "receipts", "command IN (SELECT id FROM commands WHERE incident = ?)", numbers)
        + _delete(connection, "silenced", "serial IN (SELECT serial FROM detections WHERE incident = ?)", numbers)
        + _delete(connection, "episodes", "serial IN (SELECT serial FROM detections WHERE incident = ?)", numbers)
        + sum(_delete(connection, name, "incident = ?", numbers) for name in ("commands", "detections"))
        + sum(_delete(connection, table.name, "incident = ?", numbers) for table in belongings)
        + _delete(connection, "incidents", "number = ?", numbers)
    )


def _lone_episodes(connection: Connection, limit: int) -> int:
    serials = _chosen(connection, _LONE_EPISODES, limit, _BATCH)
    return sum(_delete(connection, table, "serial = ?", serials) for table in ("silenced", "detections", "episodes"))


def _lone_messages(connection: Connection, limit: int) -> int:
    ids = _chosen(connection, _LONE_MESSAGES, limit, _BATCH)
    return _delete(connection, "receipts", "command = ?", ids) + _delete(connection, "commands", "id = ?", ids)


def _silences(connection: Connection, limit: int) -> int:
    ids = _chosen(connection, _OLD_SILENCES, limit, _INCIDENTS)
    return _delete(connection, "silenced", "silence = ?", ids) + _delete(connection, "silences", "id = ?", ids)


def _rows(table: Table, is_old: Callable[[int], ColumnElement[bool]]) -> Callable[[Connection, int], int]:
    """Make the deletion of a table's rows that stand for themselves."""
    key = [*table.primary_key.columns]

    def forget(connection: Connection, limit: int) -> int:
        old = select(*key).where(is_old(limit)).limit(_BATCH)
        return connection.execute(table.delete().where(tuple_(*key).in_(old))).rowcount

    return forget


def _chosen(connection: Connection, query: str, limit: int, most: int, **words: str) -> Sequence[Any]:
    """Return the keys of what a query finds over."""
    spelled = text(query.format(**words, **truths(connection)))
    return connection.execute(spelled, {"limit": limit, "most": most}).scalars().all()


def _delete(connection: Connection, table: str, where: str, keys: Sequence[str | int]) -> int:
    statement = f"DELETE FROM {table} WHERE {where}"  # noqa: S608  # our own words
    return many(connection, statement, [(key,) for key in keys])


KINDS: dict[str, Callable[[Connection, int], int]] = {
    "notified_incidents": _incidents(notified=True),
    "incidents": _incidents(notified=False),
    "detections": _lone_episodes,
    "messages": _lone_messages,
    "unparsed": _rows(unparsed, lambda limit: unparsed.c.received < limit),
    "counts": _rows(tallies, lambda limit: tallies.c.day < from_micros(limit).date().isoformat()),
    "silences": _silences,
    "blind_intervals": _rows(seeing.blind_intervals, lambda limit: seeing.blind_intervals.c.ended < limit),
    "password_history": _rows(past_passwords, lambda limit: past_passwords.c.kept_at < limit),
}
"""What deletes a batch of each kind."""
