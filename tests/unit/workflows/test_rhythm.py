"""How long a silence the rhythm of a source allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import decode, encode

from credwatch.workflows.rhythm import Rhythm

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
QUARTER, MINUTE = timedelta(minutes=15), timedelta(minutes=1)


def learnt(weeks: int, speaks: range, *, step: timedelta = 5 * MINUTE, zone: str = "UTC") -> tuple[Rhythm, datetime]:
    """Follow a source that speaks every minute in some hours of each day, for weeks."""
    rhythm, now, heard = Rhythm(), MONDAY, None
    while now < MONDAY + timedelta(weeks=weeks):
        now += step
        heard = now if now.hour in speaks else heard
        rhythm = rhythm.followed(MONDAY, heard, now, zone)
    return rhythm, now


def silence_allowed(rhythm: Rhythm, heard: datetime) -> timedelta:
    """Say how long a silence may be until it is unusual."""
    for quarters in range(1, 4 * 24 * 14):
        if not rhythm.allows(heard, heard + quarters * QUARTER, "UTC"):
            return quarters * QUARTER
    return timedelta.max


def test_a_busy_source_is_missed_within_the_hour_and_a_half() -> None:
    """One that spoke in each quarter of a week is not silent for long without being missed."""
    rhythm, now = learnt(1, range(24))
    assert timedelta(hours=1) < silence_allowed(rhythm, now) <= timedelta(hours=1.75)


def test_a_source_that_sleeps_at_night_is_not_missed_at_night() -> None:
    """From the evening to the morning nothing is unusual; in the morning it is, soon."""
    rhythm, _ = learnt(3, range(8, 18))
    evening = MONDAY + timedelta(weeks=3, hours=17, minutes=59)
    assert timedelta(hours=14) < silence_allowed(rhythm, evening) < timedelta(hours=16)


def test_a_new_source_is_given_time() -> None:
    """Of hours of the week that nobody has seen nothing is expected."""
    rhythm, now = learnt(0, range(24))
    assert rhythm.allows(now, now + timedelta(days=3), "UTC")


def test_quarters_in_which_the_daemon_was_away_count_for_nothing() -> None:
    """What was not followed is neither speech nor silence."""
    rhythm, now = learnt(1, range(24))
    back = now + timedelta(days=2)
    after = rhythm.followed(back, now, back + timedelta(minutes=1), "UTC")
    assert rhythm.hours == after.hours


def test_old_weeks_fade() -> None:
    """A source that has changed its hours has its new ones after some weeks, and the memory of each is bounded."""
    rhythm, now = learnt(9, range(24))
    assert max(followed for followed, _ in rhythm.hours.values()) <= 32
    heard = now
    for quarter in range(1, 4 * 24 * 7 * 16):
        rhythm = rhythm.followed(MONDAY, heard, now + quarter * QUARTER, "UTC")
    assert rhythm.share(now, "UTC") is not None
    assert (rhythm.share(now, "UTC") or 1.0) < 0.4


def test_hours_of_the_week_are_those_of_the_operators() -> None:
    """In a zone seven hours ahead the same hour of the week has another number."""
    rhythm, _now = learnt(1, range(8, 9), zone="Asia/Ho_Chi_Minh")
    eight = MONDAY + timedelta(hours=8)
    assert rhythm.share(eight, "Asia/Ho_Chi_Minh") == 1.0
    assert rhythm.share(eight, "UTC") == 0.0


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=50))
def test_a_rhythm_is_kept_as_it_is(steps: list[tuple[int, bool]]) -> None:
    """However a source speaks, no quarter counts twice, shares are shares, and JSON loses nothing."""
    rhythm, now, heard = Rhythm(), MONDAY, None
    for minutes, speaks in steps:
        now += minutes * MINUTE
        heard = now if speaks else heard
        rhythm = rhythm.followed(MONDAY, heard, now, "UTC").followed(MONDAY, heard, now, "UTC")
    assert sum(followed for followed, _ in rhythm.hours.values()) <= (now - MONDAY) / QUARTER
    assert all(0 <= heard <= followed for followed, heard in rhythm.hours.values())
    assert rhythm == decode(encode(rhythm), type=Rhythm)
