"""The timetable runs its jobs, survives those that fail, and is not led astray by a clock that is set."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from threading import Event

import pytest
from apscheduler.schedulers import base
from apscheduler.triggers import interval
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from credwatch.kernel.errors import StoreError
from credwatch.service.schedule import Daily, Every, Job, Timetable

MIDNIGHT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
"""In Vietnam, where the 21st begins."""
VIETNAM = "Asia/Ho_Chi_Minh"
STEPS = {
    "three hours back": timedelta(hours=-3),
    "three hours on": timedelta(hours=3),
    "five years back": timedelta(days=-5 * 365),
    "five years on": timedelta(days=5 * 365),
}


class World(Struct):
    """A clock that can be set, and one that cannot."""

    now: datetime = MIDNIGHT
    steady: float = 1000.0

    def passes(self, seconds: float) -> None:
        """Let time pass for both."""
        self.now += timedelta(seconds=seconds)
        self.steady += seconds


def a_timetable(world: World, *jobs: Job, **more) -> Timetable:
    """Build a timetable whose turns a test takes."""
    heard = more.pop("on_ran", lambda *_: None)
    return Timetable([*jobs], heard, clock=lambda: world.now, steady=lambda: world.steady, **more)


def test_jobs_run_again_and_again_and_failures_are_not_counted_as_runs() -> None:
    """A job that fails is tried at its next time, while the others go on; only good ends are told."""
    begun: Counter[str] = Counter()
    ended: Counter[str] = Counter()

    def badly(error: Exception) -> None:
        begun["badly"] += 1
        raise error

    jobs = [
        Job("stored", Every(5), lambda: badly(StoreError("the store failed"))),
        Job("defect", Every(5), lambda: badly(RuntimeError("a defect"))),
        Job("well", Every(5), lambda: begun.update(["well"])),
    ]
    world = World()
    timetable = a_timetable(world, *jobs, on_ran=lambda name, _at: ended.update([name]))
    for _ in range(60):
        world.passes(1)
        timetable.turn()
    assert Counter(well=12, badly=24) == begun
    assert Counter(well=12) == ended


def test_a_thread_takes_the_turns_until_it_is_stopped() -> None:
    """Started, it runs jobs by itself; stopped, it has ended."""
    ran = Event()
    timetable = Timetable([Job("soon", Every(0), ran.set)], lambda *_: None)
    timetable.start()
    assert ran.wait(20)
    timetable.stop()
    assert not timetable.is_alive()


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """Return by how much APScheduler's clock is set wrong; a test changes it."""
    shift = [timedelta()]

    class Shifted(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + shift[0]

    for module in (base, interval):
        monkeypatch.setattr(module, "datetime", Shifted)
    return shift


def test_the_thread_makes_up_for_no_turn_when_the_clock_leaps(shift: list[timedelta]) -> None:
    """Eighty years ahead are one turn, at once, though nobody has looked at the clock yet."""
    ran = Event()
    timetable = Timetable([Job("soon", Every(0), ran.set)], lambda *_: None)
    timetable.start()
    try:
        assert ran.wait(60)
        shift[0] = timedelta(days=80 * 365)
        ran.clear()
        assert ran.wait(60)
    finally:
        timetable.stop()


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_thread_goes_on_when_the_clock_is_set(step: timedelta, shift: list[timedelta]) -> None:
    """Whatever hour it was going to sleep until, it is woken by whoever looks at the clock."""
    ran = Event()
    job = Job("soon", Every(0), ran.set)
    timetable = Timetable([job], lambda *_: None, clock=lambda: datetime.now(UTC) + shift[0])
    timetable.start()
    try:
        assert ran.wait(60)
        shift[0] = step
        timetable.look_at_clock()
        ran.clear()
        assert ran.wait(60)
    finally:
        timetable.stop()


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_pauses_do_not_care_how_the_clock_is_set(step: timedelta) -> None:
    """A job every five seconds runs twelve times a minute, before and after the clock is set."""
    runs: list[float] = []
    steps: list[timedelta] = []
    world = World()
    timetable = a_timetable(world, Job("clocks", Every(5), lambda: runs.append(world.steady)), on_step=steps.append)
    for second in range(120):
        world.passes(1)
        world.now += step if second == 60 else timedelta()
        timetable.turn()
    assert 24 == len(runs)
    assert [step] == steps


def _digests(world: World, hours: int, steps: dict[int, timedelta], last: date | None = None) -> list[float]:
    """Return the steady hours at which a digest of 08:00 ran, the clock being set at some of the hours."""
    runs: list[float] = []
    job = Job("digest", Daily(8, 0, VIETNAM, last), lambda: runs.append((world.steady - 1000) / 3600))
    timetable = a_timetable(world, job)
    for minute in range(hours * 60):
        world.passes(60)
        world.now += steps.get(minute // 60, timedelta()) if minute % 60 == 0 else timedelta()
        timetable.turn()
    return runs


def test_a_day_has_one_digest() -> None:
    """Three days, three digests, at eight in the morning."""
    assert [8.0, 32.0, 56.0] == _digests(World(), 72, {})


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.integers(0, 95), st.sampled_from([*STEPS.values()]), max_size=4))
def test_however_the_clock_is_set_no_day_has_two_digests_and_none_is_far(steps: dict[int, timedelta]) -> None:
    """Two are never less than twelve hours apart, and within any two days of real time there is one."""
    runs = _digests(World(), 96, steps)
    # To the second: hours are fractions, and twelve of them may come out a hair short.
    assert all(round((later - earlier) * 3600) >= 12 * 3600 for earlier, later in pairwise(runs))
    later_than_last_step = max(steps, default=0) + 48
    assert later_than_last_step > 96 or any(run <= later_than_last_step for run in runs)


@pytest.mark.parametrize(
    ("hour", "last", "expected"),
    [
        (9, date(2026, 11, 21), []),  # restarted after the digest of today
        (9, date(2026, 11, 20), [9]),  # nothing ran at eight
        (9, None, []),  # the very first start
        (9, date(2031, 11, 20), []),  # the clock stood five years ahead
        (6, date(2026, 11, 20), [8]),  # restarted before its hour
    ],
)
def test_a_start_makes_up_for_what_was_missed_and_for_nothing_else(
    hour: int, last: date | None, expected: list[int]
) -> None:
    """The store knows the day of the latest digest, and a restart neither repeats nor skips one."""
    world = World(now=MIDNIGHT + timedelta(hours=hour), steady=1000.0 + hour * 3600)
    assert expected == [int(run) for run in _digests(world, 6, {}, last)]


def test_a_digest_that_failed_is_tried_again_soon() -> None:
    """The store was away at eight; a minute later it is not."""
    attempts: list[datetime] = []
    world = World(now=MIDNIGHT + timedelta(hours=7, minutes=59))

    def act() -> None:
        attempts.append(world.now)
        if len(attempts) == 1:
            raise StoreError("away")

    timetable = a_timetable(world, Job("digest", Daily(8, 0, VIETNAM), act))
    for _ in range(600):
        world.passes(1)
        timetable.turn()
    assert [60.0] == [(later - earlier).total_seconds() for earlier, later in pairwise(attempts)]
