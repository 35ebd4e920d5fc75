"""Stores as older versions, crashes and administrators leave them: each is taken over whole, or refused plainly."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.json import encode

from builders_outbox import NOON, a_command, an_incident
from contracts.test_store_incidents import a_detection
from credwatch.kernel.errors import StoreError
from credwatch.store import outbox
from credwatch.store.cases import incidents, legal_clocks
from credwatch.store.commands import row_of
from credwatch.store.database import Database
from credwatch.store.state import progress
from unit.store.test_migrations import an_old_store

pytestmark = pytest.mark.usefixtures("made_by_migrations")

OPEN = an_incident()


def _known(table: str) -> dict[str, Any]:
    """Give the columns of a row that its reader must understand."""
    command = row_of(a_command(1, incident=OPEN.number))
    case = {"number": OPEN.number, "kind": OPEN.kind, "organization": OPEN.organization, "subject": OPEN.subject}
    of_duty = {"workflow": "customer_notice", "incident": OPEN.number, "organization": "tanphat"}
    return {
        "commands": command,
        "receipts": {"command": command["id"], "result": "retry"},
        "incidents": case | {"status": "new", "document": encode(OPEN).decode()},
        "detections": {"incident": OPEN.number, "document": encode(a_detection()).decode()},
        "episodes": {"closed": 0, "count": 8},
        "legal_clocks": of_duty | {"met_at": None, "waived_at": None, "starts": "occurred"},
        "factors": {"used_steps": "[[59, 59]]"},
        "cursors": {"cursor": json.dumps({"offset": 7})},
    }.get(table, {})


def _a_row_in_each_table(path: Path) -> dict[str, dict[str, Any]]:
    """Put a row into every table of a store; each column that nobody must understand has something in it."""
    rows = {}
    with closing(sqlite3.connect(path)) as connection, connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version'")
        for (table,) in names.fetchall():
            columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            filled = {
                name: {"BLOB": b"rows", "TEXT": "text", "VARCHAR": "text"}.get(kind, 1) for _, name, kind, *_ in columns
            }
            given = {name: value for name, value in _known(table).items() if name in filled}
            rows[table] = filled | given
            places = ", ".join("?" for _ in filled)
            named = ", ".join(f'"{name}"' for name in filled)
            connection.execute(f'INSERT INTO "{table}" ({named}) VALUES ({places})', [*rows[table].values()])
    return rows


def _rows_of(path: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f'SELECT * FROM "{table}"')]


@pytest.mark.parametrize("revision", ["0010", "0013", "0014", "0015", "0016"])
def test_an_upgrade_loses_nothing(revision: str, tmp_path: Path) -> None:
    """Whatever stood in any table stands there afterwards, and windows, case, clock and message are read from it."""
    path = tmp_path / "store.sqlite"
    an_old_store(path, revision).close()
    before = _a_row_in_each_table(path)
    database = Database(path)
    database.migrate()
    for table, row in before.items():
        (after,) = _rows_of(path, table)
        assert row == {name: after[name] for name in row}, table
    with database.reading() as connection:
        assert [("text", b"rows")] == progress.all_windows(connection)
        assert [OPEN] == [incidents.incident(connection, OPEN.number)]
        assert [OPEN.number] == [clock.incident for clock in legal_clocks.running_clocks(connection)]
    waiting = outbox.OutboxStore(database).due(NOON + timedelta(days=1), 10)
    assert [a_command(1, incident=OPEN.number)] == [stored.command for stored in waiting]
    database.close()


def _broken_off(path: Path, statements: int) -> None:
    """Make a store as a version did that committed each statement for itself, and end it after so many."""
    whole = path.with_suffix(".whole")
    an_old_store(whole, "0003").close()
    with closing(sqlite3.connect(whole)) as connection:
        made = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    with closing(sqlite3.connect(path)) as connection, connection:
        for (statement,) in made[:statements]:
            connection.execute(statement)


@pytest.mark.parametrize("statements", [1, 2, 5, 9, 15])
def test_a_store_that_an_older_version_half_made_is_made_anew(statements: int, tmp_path: Path) -> None:
    """Nothing was ever stored in it, so nothing is lost and the daemon starts."""
    path = tmp_path / "store.sqlite"
    _broken_off(path, statements)
    database = Database(path)
    database.migrate()
    assert database.is_current()
    with database.writing() as connection:
        progress.save_cursors(connection, [("a", "/1", {})])
    database.close()


def test_a_half_upgraded_store_with_rows_is_refused(tmp_path: Path) -> None:
    """It is told what happened and what to do, and it is left as it was."""
    path = tmp_path / "store.sqlite"
    _broken_off(path, 15)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO cursors VALUES ('servers', '/1', '{}')")
    with pytest.raises(StoreError, match="ended in the middle of its upgrade") as told:
        Database(path).migrate()
    assert "backup" in told.value.hint
    assert [{"source": "servers", "file": "/1", "cursor": "{}"}] == _rows_of(path, "cursors")


def test_a_store_that_somebody_else_holds_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program's lock is waited for, told with its path and what to look for, and does no harm."""
    monkeypatch.setattr("credwatch.store.dialect.sqlite._BUSY_SECONDS", 0.1)
    path = tmp_path / "store.sqlite"
    an_old_store(path, "0010").close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked") as told:
            Database(path).migrate()
    assert (str(path), True) == (told.value.where, "no other" in told.value.hint)
    Database(path).migrate()


@contextmanager
def _as_nobody() -> Iterator[Path]:
    """Give a folder in which this process may not write for the length of a block, even where it is root."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def _lock_up(folder: Path) -> None:
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    """Neither making nor upgrading a store there fails with anything but its path and what to check."""
    for revision in ("", "0010"):
        with _as_nobody() as folder:
            path = folder / "store.sqlite"
            if revision:
                an_old_store(path, revision).close()
                path.chmod(0o444)
            _lock_up(folder)
            with pytest.raises(StoreError) as told:
                Database(path).migrate()
            assert (str(path), True) == (told.value.where, "permissions" in told.value.hint), revision
