"""When sources spoke last, and the times in which something was not seen, are given back as they were stored."""

from __future__ import annotations

from datetime import timedelta

from builders_outbox import NOON
from credwatch.kernel.blindness import BlindInterval, Blindness
from credwatch.store.database import Database
from credwatch.store.state import seeing
from credwatch.store.state.seeing import SourceTimes

HOUR = timedelta(hours=1)


def test_the_latest_times_of_a_source_count(database: Database) -> None:
    """A line that is no event moves when the source was heard, and leaves the time of its latest event."""
    with database.writing() as connection:
        seeing.note_times(connection, [("a", NOON, NOON - HOUR), ("b", NOON, None)])
        seeing.note_times(connection, [("a", NOON + HOUR, None)])
        expected = {"a": SourceTimes(NOON + HOUR, NOON - HOUR), "b": SourceTimes(NOON, None)}
        assert expected == seeing.all_times(connection)


def test_an_interval_lasts_until_it_is_ended(database: Database) -> None:
    """What is stored again with an end is the same interval, and no longer among those that last."""
    lasting = BlindInterval("a", Blindness.SILENT, NOON)
    ended = BlindInterval("a", Blindness.SILENT, NOON, NOON + HOUR)
    with database.writing() as connection:
        seeing.save_intervals(connection, [lasting, BlindInterval("", Blindness.DOWN, NOON, NOON + HOUR)])
        assert [lasting] == seeing.open_intervals(connection)
        seeing.save_intervals(connection, [ended])
        assert [] == seeing.open_intervals(connection)
        assert ended in seeing.intervals_between(connection, NOON, NOON)


def test_intervals_that_overlap_a_time_are_found(database: Database) -> None:
    """One that lasts, one that touches an end and one that holds it all overlap; those before and after do not."""
    touching = BlindInterval("a", Blindness.DOWN, NOON - HOUR, NOON)
    around = BlindInterval("b", Blindness.LAGGING, NOON - HOUR, NOON + 5 * HOUR)
    lasting = BlindInterval("c", Blindness.UNREADABLE, NOON - 9 * HOUR)
    apart = [
        BlindInterval("d", Blindness.DROPPING, NOON - 3 * HOUR, NOON - HOUR),
        BlindInterval("e", Blindness.CAPPED, NOON + 2 * HOUR, NOON + 3 * HOUR),
        BlindInterval("f", Blindness.SILENT, NOON + 2 * HOUR),
    ]
    with database.writing() as connection:
        seeing.save_intervals(connection, [touching, around, lasting, *apart])
        assert [lasting, touching, around] == seeing.intervals_between(connection, NOON, NOON + HOUR)
