"""Copies a whole store to another place, on either kind of database, and proves that all of it is there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select

from credwatch.kernel.errors import StoreError
from credwatch.store.database import Database, declared
from credwatch.store.place import Place, ServerPlace
from credwatch.store.statements import is_postgresql

_AT_ONCE = 20
"""So many rows are held in memory; one may have megabytes."""


def copy_store(source: Database, target: Place) -> int:
    """Copy what the store holds at one moment to a place that has no store, and return how many rows there are.

    A file gets its name once it is whole, and what goes to a server is one transaction. Rows are read back and
    compared by their digests. Raises StoreError; the target is then as it was.
    """
    if not source.is_current():
        hint = "start a daemon of this version on it once, which upgrades it"
        raise StoreError("is no store of this version", where=source.where, hint=hint)
    return _to_server(source, target) if isinstance(target, ServerPlace) else _to_file(source, target)


def _to_file(source: Database, path: Path) -> int:
    if path.exists() or path.is_symlink():
        raise StoreError("is there already", where=str(path), hint="name a file that does not exist, or move it away")
    unfinished = Path(f"{path}.copying")
    unfinished.unlink(missing_ok=True)
    database = Database(unfinished)
    try:
        database.migrate()
        rows = _fill(source, database)
        with database.reading() as connection:
            problem = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
        if problem != "ok":
            raise StoreError(f"the copy is damaged: {problem}", where=str(unfinished), hint="look at the disk")
        database.tidy()
        database.close()
        os.link(unfinished, path)  # never over a file that has come there since
    except OSError as error:
        raise StoreError(f"cannot be made: {error.strerror}", where=str(path), hint="look at its folder") from error
    finally:
        database.close()
        for ending in ("", "-wal", "-shm", ".migrating"):
            Path(f"{unfinished}{ending}").unlink(missing_ok=True)
    return rows


def _to_server(source: Database, place: ServerPlace) -> int:
    database = Database(place)
    try:
        database.migrate()
        return _fill(source, database)
    finally:
        database.close()


def _fill(source: Database, target: Database) -> int:
    tables = declared().sorted_tables
    with source.reading() as reading, target.writing() as writing:
        for table in tables:
            if writing.execute(select(*table.primary_key.columns).limit(1)).first() is not None:
                hint = "name a database of its own that nothing is in"
                raise StoreError(f"the store there is not empty ({table.name})", where=target.where, hint=hint)
        counts = [_copy_table(reading, writing, table, target.where) for table in tables]
    return sum(counts)


def _copy_table(source: Connection, target: Connection, table: Table, where: str) -> int:
    read, count = hashlib.sha256(), 0
    for rows in _parts(source, table):
        target.execute(table.insert(), [dict(row._mapping) for row in rows])
        _digest(read, rows)
        count += len(rows)
    written = hashlib.sha256()
    for rows in _parts(target, table):
        _digest(written, rows)
    if read.digest() != written.digest():
        raise StoreError(f"the copy of {table.name} is not what was read", where=where, hint="look at its disk")
    if count and is_postgresql(target):
        _go_on_behind(target, table)
    return count


def _parts(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    query = select(table).order_by(*table.primary_key.columns)
    return connection.execute(query, execution_options={"yield_per": _AT_ONCE}).partitions()


def _digest(digest: Any, rows: Sequence[Any]) -> None:
    for row in rows:
        # PostgreSQL keeps the picture of U+0000 in its place.
        values = tuple(value.replace("\0", "␀") if isinstance(value, str) else value for value in row)
        digest.update(repr(values).encode("utf-8", "surrogatepass"))


def _go_on_behind(connection: Connection, table: Table) -> None:
    """Have the server number the next rows behind those that were copied."""
    key = table.autoincrement_column
    if key is None:
        return
    sequence = connection.execute(select(func.pg_get_serial_sequence(table.name, key.name))).scalar()
    if sequence is not None:
        last = connection.execute(select(func.max(key))).scalar_one()
        connection.execute(select(func.setval(sequence, last)))
