"""Transactions that are whole or not at all, and errors that name no values."""

from __future__ import annotations

import sqlite3
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from sqlalchemy import insert, select

import credwatch.store
from credwatch.kernel.errors import StoreError
from credwatch.store.database import Database, metadata
from credwatch.store.dialect.sqlite_file import StoreFile
from credwatch.store.state import progress
from credwatch.store.state.progress import cursors
from credwatch.store.tables import FAMILIES


def _schema(database: Database) -> dict[str, str]:
    """Read the statement of every table and index but that of the version."""
    with sqlite3.connect(database.where) as connection:
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'").fetchall()
    # A table that a migration has made anew is written in quotes.
    return {name: " ".join((sql or "").replace(f'"{name}"', name).split()) for name, sql in made}


def test_a_new_server_has_every_table() -> None:
    """Each module that declares tables is a family: a store on a server is made of these, and so is a copy."""
    declaring = {
        name.stem
        for name in Path(credwatch.store.__path__[0]).rglob("*.py")
        if "migrations" not in name.parts and " = Table(\n" in name.read_text()
    }
    assert declaring == {family.__name__.rpartition(".")[2] for family in FAMILIES}


def test_migrations_make_what_is_declared(database: Database, tmp_path: Path) -> None:
    """What the migrations make is what the code declares, table by table and index by index; a second run is quiet."""
    for family in walk_packages(credwatch.store.__path__, "credwatch.store."):
        if ".migrations" not in family.name:
            import_module(family.name)
    database.migrate()
    at_once = Database(tmp_path / "at once.sqlite", durable=False)
    at_once.create()
    at_once.close()
    assert _schema(at_once) == _schema(database)
    assert set(metadata.tables) <= set(_schema(database))


def test_an_exception_takes_everything_back(database: Database) -> None:
    """A block that fails leaves nothing, and its exception comes out as it is; the store can be used again."""
    with pytest.raises(KeyboardInterrupt):
        _write_and_break_off(database)
    with database.writing() as connection:
        assert {} == progress.cursors_of(connection, "a")
        progress.save_cursors(connection, [("a", "/1", {})])
    with database.reading() as connection:
        assert {"/1": {}} == progress.cursors_of(connection, "a")


def test_a_reader_sees_one_state(database: Database) -> None:
    """What is committed while somebody reads is not seen in the same block."""
    with database.reading() as reading:
        assert {} == progress.cursors_of(reading, "a")
        with database.writing() as connection:
            progress.save_cursors(connection, [("a", "/1", {})])
        assert {} == progress.cursors_of(reading, "a")


def test_a_store_is_opened_while_another_one_writes(database: Database) -> None:
    """A command that reads waits for no transaction of the daemon."""
    beside = Database(database.where)
    with database.writing(), beside.reading() as connection:
        assert {} == progress.cursors_of(connection, "a")
    beside.close()


def test_errors_name_no_values(database: Database) -> None:
    """A statement that fails becomes a StoreError with the driver's words, without what was to be written."""
    row = {"source": "geheim", "file": "/1", "cursor": "{}"}
    with pytest.raises(StoreError) as failed:
        _insert_twice(database, row)
    assert "geheim" not in str(failed.value)
    assert "UNIQUE" in failed.value.message
    assert database.where == failed.value.where


def test_a_file_that_is_no_store_is_an_error(tmp_path: Path) -> None:
    """Garbage in place of the store is told with its path and a hint."""
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is no database" * 100)
    database = Database(path)
    with pytest.raises(StoreError) as failed:
        database.migrate()
    assert str(path) == failed.value.where
    assert failed.value.hint
    database.close()


def test_tidying_keeps_what_is_there(database: Database) -> None:
    """The write-ahead log is folded into the file, and every row stays."""
    with database.writing() as connection:
        progress.save_cursors(connection, [("a", "/1", {})])
    database.tidy()
    assert 0 == Path(f"{database.where}-wal").stat().st_size
    with database.reading() as connection:
        assert 1 == len(connection.execute(select(cursors)).all())


def _write_and_break_off(database: Database) -> None:
    with database.writing() as connection:
        progress.save_cursors(connection, [("a", "/1", {})])
        raise KeyboardInterrupt


def _insert_twice(database: Database, row: dict[str, str]) -> None:
    with database.writing() as connection:
        connection.execute(insert(cursors), row)
        connection.execute(insert(cursors), row)


def test_a_file_that_is_broken_is_told_with_a_way_out(tmp_path: Path) -> None:
    """Of a file that is no database, and of one whose pages are lost, the error says how to go on."""
    for name, harm in (("no.sqlite", slice(0, 100)), ("torn.sqlite", slice(100, None))):
        path = tmp_path / name
        made = Database(path)
        made.migrate()
        made.close()
        content = bytearray(path.read_bytes())
        content[harm] = b"\xaa" * len(content[harm])
        path.write_bytes(content)
        broken = Database(path)
        with pytest.raises(StoreError) as told:
            broken.migrate()
        broken.close()
        assert (str(path), True) == (told.value.where, "put back a copy" in (told.value.hint or ""))


def test_a_link_that_leads_to_nothing_is_no_new_store(tmp_path: Path) -> None:
    """A disk that is not mounted must not make the daemon begin anew."""
    path = tmp_path / "store.sqlite"
    path.symlink_to(tmp_path / "away" / "store.sqlite")
    with pytest.raises(StoreError, match="link"):
        Database(path).migrate()
    assert path.is_symlink()


def test_an_older_copy_goes_only_once_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fails in between, the older copy is still there, and the next try cleans up."""
    path = tmp_path / "store.sqlite"
    database = Database(path)
    database.migrate()
    older = Path(f"{path}.before-0002")
    older.write_bytes(b"older")
    store_file = StoreFile(str(path))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as failing:
        failing.setattr("credwatch.store.dialect.sqlite_file.os.replace", fail)
        with pytest.raises(StoreError, match="copied"):
            store_file.copy()
    assert older.read_bytes() == b"older"
    store_file.copy()
    database.close()
    assert not older.exists()
    assert [copy.name.startswith("store.sqlite.before-") for copy in tmp_path.glob("*.before-*")] == [True]
    assert not list(tmp_path.glob("*.copying"))
