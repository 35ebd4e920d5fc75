"""What a restart needs is given back as it was stored."""

from __future__ import annotations

from credwatch.store.database import Database
from credwatch.store.state import progress
from unparsed_lines import latest_unparsed


def a_line(number: int) -> dict[str, object]:
    """Build an unread line."""
    return {
        "source": "a",
        "file": "/a",
        "position": number,
        "received": 0,
        "reason": "no_envelope",
        "line": f"{number}",
    }


def test_cursors_are_kept_by_source_and_file(database: Database) -> None:
    """The latest cursor of each file is given back, to its source alone."""
    with database.writing() as connection:
        progress.save_cursors(connection, [("a", "/1", {"offset": 1})])
        progress.save_cursors(connection, [("a", "/1", {"offset": 2})])
        progress.save_cursors(connection, [("a", "/2", {"offset": 3})])
        progress.save_cursors(connection, [("b", "/1", {"offset": 4})])
    with database.reading() as connection:
        assert {"/1": {"offset": 2}, "/2": {"offset": 3}} == progress.cursors_of(connection, "a")
        assert {} == progress.cursors_of(connection, "c")


def test_values_and_watermarks_are_replaced(database: Database) -> None:
    """The latest value counts, and one that was never saved is None."""
    with database.writing() as connection:
        for value in (b"one", b"two"):
            progress.save_value(connection, "seed", value)
        for time in (1, 2):
            progress.save_watermarks(connection, [("a", time), ("b", 7)])
        assert (b"two", None) == (progress.value(connection, "seed"), progress.value(connection, "other"))
        assert [("a", 2), ("b", 7)] == sorted(progress.all_watermarks(connection))


def test_windows_come_back_in_order_and_are_forgotten_by_age(database: Database) -> None:
    """Rows older than the limit of their stream go; those at the limit and of other streams stay."""
    with database.writing() as connection:
        progress.add_windows(connection, [("s", 10, b"old"), ("s", 20, b"new"), ("t", 10, b"other")])
        progress.add_windows(connection, [("s", 15, b"late")])
        progress.forget_windows(connection, [("s", 15)])
        assert [("s", b"new"), ("t", b"other"), ("s", b"late")] == progress.all_windows(connection)


def test_words_two_generations_old_go(database: Database) -> None:
    """The present generation and the one before it stay."""
    with database.writing() as connection:
        for generation in (1, 2, 2, 3):
            progress.add_words(connection, generation, b"%d" % generation)
        assert [(2, b"2"), (2, b"2"), (3, b"3")] == progress.all_words(connection)


def test_the_engine_can_be_forgotten(database: Database) -> None:
    """Window rows and words go, cursors stay."""
    with database.writing() as connection:
        progress.add_windows(connection, [("s", 1, b"x")])
        progress.add_words(connection, 1, b"x")
        progress.save_cursors(connection, [("a", "/1", {})])
        progress.forget_engine(connection)
        assert ([], []) == (progress.all_windows(connection), progress.all_words(connection))
        assert {"/1": {}} == progress.cursors_of(connection, "a")


def test_the_latest_unread_lines_are_kept(database: Database) -> None:
    """However many come, in one batch or in several, the newest stay."""
    with database.writing() as connection:
        progress.add_unparsed(connection, [a_line(number) for number in range(7)], most=5)
        progress.add_unparsed(connection, [a_line(7), a_line(8)], most=5)
        progress.add_unparsed(connection, [], most=5)
        assert [8, 7, 6, 5, 4] == [row["position"] for row in latest_unparsed(connection, most=10)]
        assert [8, 7] == [row["position"] for row in latest_unparsed(connection, most=2)]


def test_tallies_add_up_by_day(database: Database) -> None:
    """Numbers of a day are added, and days are apart."""
    with database.writing() as connection:
        progress.add_tallies(connection, "2026-03-02", {"lines": 3, "events": 0})
        progress.add_tallies(connection, "2026-03-02", {"lines": 4})
        progress.add_tallies(connection, "2026-03-03", {"lines": 1})
        assert {"lines": 7, "events": 0} == progress.tallies_of(connection, "2026-03-02")
        assert {} == progress.tallies_of(connection, "2026-03-04")


def test_rows_of_streams_that_are_no_more_go(database: Database) -> None:
    """What no rule needs any longer is not read at every start; the others keep their rows and their order."""
    with database.writing() as connection:
        progress.add_windows(connection, [(name, 1, name.encode()) for name in ("s", "gone", "t", "gone")])
        progress.forget_streams(connection, ["t", "s", "new"])
        assert [("s", b"s"), ("t", b"t")] == progress.all_windows(connection)


def test_windows_are_joined(database: Database) -> None:
    """Small neighbours of a stream become pieces of the size asked for, with every row in its order."""
    with database.writing() as connection:
        progress.add_windows(connection, [(f"s{n % 2}", n, bytes([n]) * 4) for n in range(10)])
        before = dict.fromkeys(("s0", "s1"), b"")
        for stream, rows in progress.all_windows(connection):
            before[stream] += rows
        progress.compact_windows(connection, size=12)
        pieces = progress.all_windows(connection)
        assert [12, 12, 8, 8] == [len(rows) for _, rows in pieces]
        after = dict.fromkeys(("s0", "s1"), b"")
        for stream, rows in pieces:
            after[stream] += rows
        assert before == after
        progress.forget_windows(connection, [("s0", 5)])
        assert [("s1", 12), ("s0", 8), ("s1", 8)] == [
            (stream, len(rows)) for stream, rows in progress.all_windows(connection)
        ]
