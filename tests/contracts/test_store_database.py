"""What holds for transactions and for whole stores on each kind of database."""

from __future__ import annotations

import random
import string
from contextlib import suppress

import pytest
from sqlalchemy import text

from builders_outbox import NOON, an_incident
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.errors import StoreError
from credwatch.kernel.incident import Status
from credwatch.kernel.secret import Secret
from credwatch.store import retention
from credwatch.store.cases import answers, case_entries, incidents
from credwatch.store.database import Database
from credwatch.store.place import ServerPlace, checked_url
from credwatch.store.state import progress
from postgresql_server import Server
from unparsed_lines import latest_unparsed


def test_a_store_that_is_made_is_current(database: Database) -> None:
    """It stays as it is when it is made again, has a size, and can be tidied."""
    assert database.is_current()
    database.migrate()
    database.tidy()
    database.give_back()
    assert retention.size(database) > 0


def test_an_exception_takes_everything_back(database: Database) -> None:
    """A block that fails leaves nothing, and its exception comes out as it is."""
    with pytest.raises(KeyboardInterrupt):
        _write_and_break_off(database)
    with database.reading() as connection:
        assert {} == progress.cursors_of(connection, "a")


def _write_and_break_off(database: Database) -> None:
    with database.writing() as connection:
        progress.save_cursors(connection, [("a", "/1", {})])
        raise KeyboardInterrupt


def test_a_reader_sees_one_state(database: Database) -> None:
    """What is committed while somebody reads is not seen in the same block."""
    with database.reading() as reading:
        assert {} == progress.cursors_of(reading, "a")
        with database.writing() as connection:
            progress.save_cursors(connection, [("a", "/1", {})])
        assert {} == progress.cursors_of(reading, "a")


def test_an_error_names_no_value(database: Database) -> None:
    """What a statement was to store is in no message."""
    row = {"name": "secret-name", "value": b"1"}
    with pytest.raises(StoreError) as failed, database.writing() as connection:
        connection.execute(progress.engine_values.insert(), [row, row])
    assert "secret-name" not in str(failed.value)
    assert database.where == failed.value.where


def test_any_text_is_kept(database: Database) -> None:
    """A line with U+0000 is kept, and an incident about a subject with it, or of any length, is found again."""
    row = {"source": "a", "file": "/a", "position": 1, "received": 0, "reason": "nul", "line": "a\0b"}
    chance = random.Random(7)
    subject = "".join(chance.choice(string.printable) for _ in range(60_000))
    with database.writing() as connection:
        progress.add_unparsed(connection, [row], most=10)
        assert 3 == len(latest_unparsed(connection, most=1)[0]["line"])
        cut = an_incident(number="CW-CUT", subject="a\0b")
        cut_key = (cut.kind, cut.organization, cut.subject)
        incidents.save_incidents(connection, [cut])
        assert {cut_key: cut} == incidents.open_incidents(connection, [cut_key])
        long = an_incident(subject=subject)
        key = (long.kind, long.organization, long.subject)
        incidents.save_incidents(connection, [long])
        assert {key: long} == incidents.open_incidents(connection, [key])
        assert {} == incidents.former_incidents(connection, [key])
        incidents.save_incidents(connection, [an_incident(subject=subject, status=Status.CLOSED)])
        assert {key: long.number} == incidents.former_incidents(connection, [key])


def test_what_nobody_has_answered_can_be_asked(database: Database) -> None:
    """Where nothing was told, nothing waits for an answer."""
    with database.reading() as connection:
        assert [] == answers.unanswered_since(connection, NOON)


def test_entries_of_a_case_are_never_changed(database: Database) -> None:
    """The database itself refuses it."""
    with database.writing() as connection:
        case_entries.add_entry(connection, CaseEntry("CW-1", NOON, EntryKind.ASSIGNED, "lan", owner="mai"))
    with pytest.raises(StoreError, match="never changed"), database.writing() as connection:
        connection.execute(case_entries.case_entries.update().values(kind="other"))


def break_off(server: Server, place: ServerPlace) -> None:
    """End every session on one database."""
    name = str(place).rpartition("/")[2]
    server.ask(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")


def test_one_daemon_to_a_store(postgresql: Server) -> None:
    """A second one is refused with who has it; the next may begin once the first is closed."""
    place = postgresql.empty_database()
    first, second, third = Database(place), Database(place), Database(place)
    first.migrate()
    first.claim()
    with pytest.raises(StoreError, match="in use by server process"):
        second.claim()
    first.close()
    third.claim()
    for database in (second, third):
        database.close()


def test_a_daemon_that_was_overtaken_writes_no_more(postgresql: Server) -> None:
    """Where its lock was lost unnoticed and another has the store now, its commits are refused; commands still may."""
    place = postgresql.empty_database()
    first, second, command = Database(place), Database(place), Database(place)
    first.migrate()
    first.claim()
    break_off(postgresql, place)
    second.claim()
    for _ in range(3):
        with pytest.raises(StoreError), first.writing() as connection:
            progress.save_value(connection, "seed", b"first")
    for database in (second, command):
        with database.writing() as connection:
            assert progress.value(connection, "seed") is None
    for database in (first, second, command):
        database.close()


def test_a_lock_that_was_lost_is_taken_again(postgresql: Server) -> None:
    """After its sessions broke off a daemon goes on, and still keeps others away."""
    place = postgresql.empty_database()
    first, second = Database(place), Database(place)
    first.migrate()
    first.claim()
    break_off(postgresql, place)
    for _ in range(2):  # with each of its connections
        with suppress(StoreError), first.reading() as connection:
            progress.value(connection, "seed")
    with first.writing() as connection:
        progress.save_value(connection, "seed", b"1")
    with pytest.raises(StoreError, match="in use"):
        second.claim()
    for database in (first, second):
        database.close()


def test_a_server_that_is_not_there(tmp_path: object) -> None:
    """The error says where and what to look at, and has no password in it."""
    place = ServerPlace(f"postgresql://lan@/store?host={tmp_path}", Secret("hunter2"))
    with pytest.raises(StoreError) as failed:
        Database(place).is_current()
    assert "postgresql://lan@/store" == failed.value.where
    assert "is the server up" in failed.value.hint
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://a/b", "must begin with postgresql://"),
        ("postgresql://lan:hunter2@host/store", "password"),
        ("postgresql://lan@host/store?password=hunter2", "password"),
        ("postgresql://lan@host", "names no database"),
    ],
)
def test_a_wrong_url_is_refused(url: str, message: str) -> None:
    """It is said what to write instead, and the password is not repeated."""
    with pytest.raises(ValueError, match=message) as refused:
        checked_url(url)
    assert "hunter2" not in str(refused.value)


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a migration had done before it failed is taken back, and the store is of its version still."""
    database = Database(postgresql.empty_database())
    database.migrate()
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0019'")

    def broken(connection: object) -> None:
        connection.exec_driver_sql("DROP TABLE receipts")  # type: ignore[attr-defined]
        connection.exec_driver_sql("SELECT 1 / 0")  # type: ignore[attr-defined]

    monkeypatch.setattr("credwatch.store.dialect.postgresql.upgrade", broken)
    monkeypatch.setattr("credwatch.store.dialect.postgresql.is_newest", lambda at, _where: at == "9999")
    with pytest.raises(StoreError):
        database.migrate()
    with database.reading() as connection:
        assert 0 == connection.execute(text("SELECT count(*) FROM receipts")).scalar_one()
        assert "0019" == connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    database.close()
