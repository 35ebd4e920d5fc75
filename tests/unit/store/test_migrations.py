"""A store of an earlier version is brought to the present one with everything it holds."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

import credwatch.store
from credwatch.kernel.account import Account
from credwatch.kernel.errors import StoreError
from credwatch.store.cases import incidents
from credwatch.store.database import Database
from credwatch.store.gate import FactorRows

pytestmark = pytest.mark.usefixtures("made_by_migrations")

SOURCE_ROOT = Path(__file__).resolve().parents[3] / "daemon"
MIGRATIONS = Path(credwatch.store.__path__[0]) / "migrations"
DOCUMENT = {
    "id": "d-1",
    "rule_id": "rule-1",
    "title": "Guessing",
    "level": 3,
    "consequence": {"incident": "brute_force", "subject": "user.name", "workflows": [], "clause": ""},
    "group": [["source.ip", "203.0.113.7"]],
    "organization": "",
    "subject": "203.0.113.7",
    "occurred_first": "2026-01-01T00:00:00Z",
    "opened_at": "2026-01-01T00:00:00Z",
    "count": 8,
    "group_key": -7,
    "sequence": 1,
}


def an_old_store(path: Path, revision: str) -> Database:
    """Make an empty store of an earlier version."""
    database = Database(path, durable=False)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return database


def test_detections_of_before_the_episodes(tmp_path: Path) -> None:
    """Detections keep their incident, count and latest event, and open episodes go on, those that only serve too."""
    database = an_old_store(tmp_path / "old.sqlite", "0003")
    rows = [("d-1", "rule-1", "CW-1", -7, 1000, 1, 2000, 9, 0, json.dumps(DOCUMENT))]
    rows.append(("s-1", "rule-2", "", 8, 1000, 1, 2000, 3, 0, ""))
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO detections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    assert not database.is_current()
    database.migrate()
    with database.reading() as connection:
        ((detection, count, last),) = incidents.detections_of(connection, "CW-1")
        assert ("d-1", 9, 2000) == (detection.id, count, last.microsecond)
        expected = [("rule-1", (1, -7, -7, 1000, 2000, 9, 0, 0, 0, False))]
        expected.append(("rule-2", (2, 8, 8, 1000, 2000, 3, 0, 0, 0, False)))
        assert expected == sorted(incidents.episodes_kept(connection, since_us=0))
        assert 3 == incidents.next_serial(connection)
    database.close()


def test_the_last_step_used_stays_used(tmp_path: Path) -> None:
    """A second factor of before remembers the step of its last code."""
    database = an_old_store(tmp_path / "old.sqlite", "0005")
    columns = "organization, user, revision, sealed, digits, step_seconds, enrolled_at, last_step, failures, forgiven"
    with database.writing() as connection:
        rows = [
            ("hoasen", "lan", 3, "v1.x.y", 6, 30, 1000, 59, 0, 0),
            ("hoasen", "mai", 1, "v1.x.y", 6, 30, 9, -1, 0, 0),
        ]
        connection.exec_driver_sql(f"INSERT INTO factors ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    database.migrate()
    kept = FactorRows(database)
    used = [kept.change(Account("hoasen", user), lambda factor: (factor, factor)).used_steps for user in ("lan", "mai")]
    assert [((59, 59),), ()] == used
    database.close()


_KILLED = """
import os, signal, sqlite3, sys
from sqlalchemy import event
from credwatch.store.database import Database
from credwatch.store.dialect.sqlite import SqliteDialect

database, left = Database(sys.argv[1]), [int(sys.argv[2])]
def strike(*_):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
original = SqliteDialect.__init__
def watched(self, *a, **k):
    original(self, *a, **k)
    event.listen(self.engine, "before_cursor_execute", strike)
SqliteDialect.__init__ = watched
event.listen(database.engine, "before_cursor_execute", strike)
database.migrate()
"""


def _migrated_but_killed(path: Path, statement: int) -> bool:
    """Migrate in a process that is killed before a statement; tell whether that was reached."""
    command = [sys.executable, "-c", _KILLED, str(path), str(statement)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}, check=False, capture_output=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize("revision", ["", "0001", "0003", "0005"])
def test_a_store_is_made_and_upgraded_wholly_or_not_at_all(revision: str, tmp_path: Path) -> None:
    """Killed before any statement, it starts the next time, with the present schema."""
    expected = tmp_path / "expected.sqlite"
    Database(expected).migrate()
    for statement in (*range(6), *range(6, 200, 17)):
        path = tmp_path / f"{statement}.sqlite"
        if revision:
            an_old_store(path, revision).close()
        is_killed = _migrated_but_killed(path, statement)
        database = Database(path)
        database.migrate()
        assert database.is_current()
        database.close()
        assert _tables(expected) == _tables(path)
        if not is_killed:
            break


def _tables(path: Path) -> set[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_what_was_there_is_kept_beside_an_upgrade(tmp_path: Path) -> None:
    """The copy is the store of before, and only its owner may read it, as the store itself, whatever the umask."""
    path = tmp_path / "store.sqlite"
    old = an_old_store(path, "0003")
    with old.writing() as connection:
        connection.exec_driver_sql("INSERT INTO cursors VALUES ('a', '/1', '{}')")
    old.close()
    path.chmod(0o644)
    before = os.umask(0)
    try:
        Database(path).migrate()
        Database(tmp_path / "new.sqlite").migrate()
    finally:
        os.umask(before)
    (copy,) = tmp_path.glob("store.sqlite.before-*")
    with closing(sqlite3.connect(copy)) as connection:
        assert ("0003",) == connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert {0o600} == {stat.S_IMODE(made.stat().st_mode) for made in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.touch(), "is empty: what it held is lost"),
        (lambda path: path.mkdir(), "is no file"),
        (lambda path: path.write_bytes(b"no database at all" * 1000), "file is not a database"),
    ],
    ids=["empty", "a folder", "something else"],
)
def test_what_is_no_store_is_refused(make: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    """A store that was lost is not taken for a new one; whoever reads it is told what to do."""
    path = tmp_path / "store.sqlite"
    make(path)
    with pytest.raises(StoreError, match=message) as caught:
        Database(path).migrate()
    assert caught.value.hint


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """It is named, and left as it is."""
    database = Database(tmp_path / "store.sqlite")
    database.migrate()
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="a newer version of credwatch has made it"):
        database.migrate()


def test_a_command_that_reads_makes_no_store(tmp_path: Path) -> None:
    """Where there is none it says so, and leaves no empty file behind."""
    database = Database(tmp_path / "store.sqlite")
    with pytest.raises(StoreError), database.reading():
        pass
    assert [] == [*tmp_path.iterdir()]
