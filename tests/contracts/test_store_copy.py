"""A store goes from one kind of database to the other, and back, with everything in it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from builders_outbox import NOON, a_command, an_incident
from contracts.conftest import KINDS
from contracts.test_store_incidents import a_detection
from credwatch.casework import backup
from credwatch.kernel.errors import StoreError
from credwatch.kernel.receipt import Retry
from credwatch.store.cases import incidents
from credwatch.store.copying import copy_store
from credwatch.store.database import Database, declared
from credwatch.store.outbox import OutboxStore, queue
from credwatch.store.place import Place
from credwatch.store.state import progress, trail
from postgresql_server import Server

Rows = dict[str, list[tuple[object, ...]]]


def fill(database: Database) -> None:
    """Store an open case with a message that was tried once, windows, words, and a line with U+0000."""
    line = {"source": "a", "file": "/a", "position": 1, "received": 0, "reason": "nul", "line": "a\0b"}
    with database.writing() as connection:
        progress.save_cursors(connection, [("a", "/1", {"offset": 7})])
        progress.add_windows(connection, [("s", number, bytes([number]) * 9) for number in range(50)])
        progress.add_words(connection, 1, b"words")
        progress.add_unparsed(connection, [line], most=10)
        trail.add_lines(connection, b"line", 1, most=10)
        incidents.add_detections(connection, [(a_detection(), an_incident().number)], NOON, NOON)
        incidents.save_incidents(connection, [an_incident()])
        queue(connection, [a_command(1)])
    outbox = OutboxStore(database)
    outbox.begin(a_command(1).id, NOON)
    outbox.settle(a_command(1).id, Retry("450"), NOON, NOON + timedelta(minutes=1))


def rows_of(database: Database) -> Rows:
    """Read all rows of all tables, U+0000 as PostgreSQL shows it."""
    with database.reading() as connection:
        return {
            table.name: sorted(
                tuple(value.replace("\0", "␀") if isinstance(value, str) else value for value in row)
                for row in connection.execute(table.select())
            )
            for table in declared().sorted_tables
        }


def an_empty_place(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """Name a place where no store is."""
    if kind == "sqlite":
        return tmp_path / "copy.sqlite"
    server: Server = request.getfixturevalue("postgresql")
    return server.empty_database()


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_has_everything_and_goes_on(
    database: Database, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each row is there, the next rows are numbered behind them, and the message waits for its next attempt."""
    fill(database)
    place = an_empty_place(kind, tmp_path, request)
    count = copy_store(database, place)
    copy = Database(place)
    before = rows_of(database)
    assert before == rows_of(copy)
    assert count == sum(map(len, before.values()))
    for store in (database, copy):
        with store.writing() as connection:
            progress.add_windows(connection, [("s", 99, b"next")])
    assert rows_of(database) == rows_of(copy)
    assert [a_command(1).id] == [item.command.id for item in OutboxStore(copy).due(NOON + timedelta(hours=1), 9)]
    copy.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_never_written_over(
    database: Database, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Where there is something already, it is refused and stays as it is."""
    fill(database)
    place = an_empty_place(kind, tmp_path, request)
    copy_store(database, place)
    copy = Database(place)
    before = rows_of(copy)
    with database.writing() as connection:
        progress.add_windows(connection, [("s", 99, b"next")])
    with pytest.raises(StoreError, match=r"is there already|is not empty"):
        copy_store(database, place)
    assert before == rows_of(copy)
    copy.close()


def test_a_backup_that_was_changed_is_refused(on_sqlite: Database, tmp_path: Path) -> None:
    """One byte is enough, and so is a digest that is missing."""
    fill(on_sqlite)
    file = tmp_path / "backup.sqlite"
    copy_store(on_sqlite, file)
    with pytest.raises(StoreError, match="cannot be read"):
        backup._check(file)
    Path(f"{file}.sha256").write_text(f"{backup._digest(file)}  {file.name}\n", encoding="utf-8")
    backup._check(file)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match="is not what was backed up"):
        backup._check(file)
