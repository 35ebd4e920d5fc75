"""What the store promises the archive: events come with their commit, under numbers that are given once."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from credwatch.kernel.errors import StoreError
from credwatch.store import archive_keys
from credwatch.store.archive_keys import StoredKey
from credwatch.store.database import Database
from credwatch.store.state import unarchived
from scenarios.pipeline import NOW


def add(database: Database, *pieces: bytes) -> None:
    for piece in pieces:
        with database.writing() as connection:
            unarchived.add(connection, 3, piece)


def numbers(database: Database, behind: int = 0, most_bytes: int = 1_000_000) -> list[int]:
    with database.reading() as connection:
        return [it.number for it in unarchived.waiting(connection, behind, most_bytes)]


def test_events_wait_in_order(database: Database) -> None:
    """What waits comes back as it was, in the order of the commits, and is counted."""
    add(database, b"one", b"\x00two", b"PAR1three")
    with database.reading() as connection:
        waiting = unarchived.waiting(connection, 0, 1_000_000)
        state = unarchived.state(connection)
    assert [(1, b"one"), (2, b"\x00two"), (3, b"PAR1three")] == [(it.number, it.packed) for it in waiting]
    assert (9, 16) == (state.events, state.bytes)


def test_a_number_is_given_once(database: Database) -> None:
    """What has moved goes, and its numbers do not come back."""
    add(database, b"one", b"two")
    with database.writing() as connection:
        unarchived.forget_moved(connection, 2)
    add(database, b"three")
    assert [3] == numbers(database)


def test_pieces_are_bounded(database: Database) -> None:
    """As many batches come at once as fit, and one at least."""
    add(database, b"x" * 10, b"x" * 10, b"x" * 10)
    assert [1, 2] == numbers(database, most_bytes=25)
    assert [1] == numbers(database, most_bytes=1)
    assert [3] == numbers(database, behind=2, most_bytes=1)
    assert [] == numbers(database, behind=3)


def test_a_failed_commit_leaves_nothing(database: Database) -> None:
    """A transaction that fails keeps no events, and gives no number."""
    with pytest.raises(StoreError), database.writing() as connection:
        _add_and_fail(connection)
    add(database, b"kept")
    assert [1] == numbers(database)


def _add_and_fail(connection: Connection) -> None:
    unarchived.add(connection, 1, b"lost")
    connection.execute(unarchived.unarchived.insert(), {"number": 1, "events": 1, "bytes": 1, "packed": b"twice"})


@pytest.mark.parametrize(("archive_has", "expected"), [(0, [3, 4, 5]), (2, [3, 4, 5]), (7, [8, 9, 10])])
def test_an_older_store_gives_no_number_of_the_archive(
    database: Database, archive_has: int, expected: list[int]
) -> None:
    """Where the archive is ahead of a store that was put back, what has come since gets numbers behind it."""
    add(database, b"before", b"before")
    add(database, b"new", b"new")
    with database.writing() as connection:
        unarchived.begin_behind(connection, archive_has, given_before=2)
    add(database, b"newer")
    assert expected == numbers(database, behind=max(2, archive_has))


def test_keys_are_kept_and_erased(database: Database) -> None:
    """A customer's key comes back until it is erased; those of others stay."""
    keys = [StoredKey("a1", "hai-au", "sealed a"), StoredKey("b2", "", "sealed b")]
    with database.writing() as connection:
        archive_keys.add_keys(connection, keys, NOW)
    with database.writing() as connection:
        assert 1 == archive_keys.erase_key(connection, "hai-au")
        assert 0 == archive_keys.erase_key(connection, "blue-harbor")
        assert [keys[1]] == archive_keys.all_keys(connection)
