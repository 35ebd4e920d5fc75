"""The habits of accounts come back in the order they were stored."""

from __future__ import annotations

from credwatch.store.database import Database
from credwatch.store.state.profiles import add_profiles, all_profiles


def test_changes_are_appended_and_replaced(database: Database) -> None:
    """Deltas follow one another until everything is written anew; nothing is written for no rows."""
    with database.writing() as connection:
        add_profiles(connection, [b"1"], instead=False)
        add_profiles(connection, [], instead=False)
        add_profiles(connection, [b"2", b"3"], instead=False)
        assert [b"1", b"2", b"3"] == all_profiles(connection)
        add_profiles(connection, [b"4"], instead=True)
        assert [b"4"] == all_profiles(connection)
