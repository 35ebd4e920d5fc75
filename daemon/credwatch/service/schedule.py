"""The timetable: what the daemon does by the clock, beside what lines make it do.

Pauses are measured by a clock that nobody can set. Hours of the day can only be told by one that somebody can: so a
daily job notes the days it ran on, and each day has it once, whatever the clock is set to meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from msgspec import Struct

from credwatch.kernel.clock import Clock, Steady, StepWatch, steady_clock, system_clock

log = structlog.get_logger(__name__)

_TURN_SECONDS = 1
_TURN = "turn"
_AFTER_FAILURE_SECONDS = 60.0
_SHORTEST_DAY = timedelta(hours=12)
"""Two runs of a daily job are at least so far apart, however the clock is set."""


class Every(Struct, frozen=True):
    """Again and again after a pause."""

    seconds: int
    """The pause."""


class Daily(Struct, frozen=True):
    """Once a day."""

    hour: int
    """Hour of the day, 0 to 23."""
    minute: int
    """Minute of the hour."""
    time_zone: str
    """IANA time zone."""
    last: date | None = None
    """The latest local day on which it is known to have run before the start; None where nobody knows."""


class Job(Struct, frozen=True):
    """One thing to do by the clock."""

    name: str
    """Its name in metrics and logs."""
    when: Every | Daily
    """When."""
    act: Callable[[], None]
    """What; runs in the thread of the timetable, never twice at once."""


class Timetable:
    """Runs jobs by the clock in one thread; a job that fails is logged and runs again at its next time.

    `on_ran` is told the name and the moment of each job that ended well, `on_step` by how much the clock was set.
    """

    def __init__(
        self,
        jobs: list[Job],
        on_ran: Callable[[str, datetime], None],
        *,
        clock: Clock = system_clock,
        steady: Steady = steady_clock,
        on_step: Callable[[timedelta], None] = lambda _step: None,
    ) -> None:
        self._clock = clock
        self._steady = steady
        self._steps = StepWatch(clock, steady)
        self._on_ran = on_ran
        self._on_step = on_step
        self._jobs = [(job, _times(job.when, clock(), steady())) for job in jobs]
        self._scheduler_steps = StepWatch(clock, steady)
        self._scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(1)})
        # What a slow turn has kept waiting comes once, however late it is.
        manners = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler.add_job(self.turn, _Beat(seconds=_TURN_SECONDS), id=_TURN, **manners)

    def start(self) -> None:
        """Begin; the first run of each interval job is one interval away."""
        self._scheduler.start()

    def is_alive(self) -> bool:
        """Say whether its thread runs."""
        thread = self._scheduler._thread
        return thread is not None and thread.is_alive()

    def stop(self) -> None:
        """End; waits for the job under way."""
        self._scheduler.shutdown(wait=True)

    def look_at_clock(self) -> None:
        """Go on at once where the clock was set: APScheduler sleeps until an hour that may now be far.

        To be called from time to time by somebody who does not sleep by that clock; from any thread.
        """
        if self._scheduler_steps.step():
            self._scheduler.reschedule_job(_TURN, trigger=_Beat(seconds=_TURN_SECONDS))

    def turn(self) -> None:
        """Do what is due now, in the order of the jobs."""
        if step := self._steps.step():
            log.warning("clock.stepped", seconds=round(step.total_seconds(), 1))
            self._guarded("clock.step", lambda: self._on_step(step))
        for job, times in self._jobs:
            if times.is_due(self._clock(), self._steady()):
                self._run_one(job, times)

    def _run_one(self, job: Job, times: _Pause | _Day) -> None:
        if self._guarded(job.name, job.act):
            times.ran(self._clock(), self._steady())
            self._on_ran(job.name, self._clock())
        else:
            times.failed(self._steady())

    def _guarded(self, name: str, act: Callable[[], None]) -> bool:
        try:
            act()
        except Exception as error:  # noqa: BLE001  # a defect in one job must not end the others
            log.error("job.failed", job=name, error=str(error) or type(error).__name__, kind=type(error).__name__)
            return False
        return True


class _Beat(IntervalTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Comes an interval after now, whenever it came before.

    The interval trigger comes an interval after it came last, and the scheduler lists every such moment until now
    before it takes the latest: a machine that boots in 1970 and then learns the hour would have it list a thousand
    million.
    """

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Give the next moment, in the scheduler's zone."""
        next_time: datetime = now + self.interval
        return next_time


class _Pause:
    """When a job that runs again and again is due."""

    def __init__(self, when: Every, steady: float) -> None:
        self._seconds = when.seconds
        self._next = steady + when.seconds

    def is_due(self, _now: datetime, steady: float) -> bool:
        """Say whether its pause is over."""
        return steady >= self._next

    def ran(self, _now: datetime, steady: float) -> None:
        """Begin the next pause; what was missed while it ran is not made up for."""
        self._next = max(self._next + self._seconds, steady)

    def failed(self, steady: float) -> None:
        """Begin the next pause all the same."""
        self._next = steady + self._seconds


class _Day:
    """When a job that runs once a day is due."""

    def __init__(self, when: Daily, now: datetime, steady: float) -> None:
        self._when = when
        self._zone = ZoneInfo(when.time_zone)
        self._had_it: set[date] = {when.last} if when.last else set()
        self._not_before = steady
        today = now.astimezone(self._zone).date()
        # Where nobody knows of a missed day, this one counts as had; so it does where the latest one known lies ahead,
        # for that was noted while the clock stood otherwise.
        if self._hour_has_come(now) and (when.last is None or when.last >= today):
            self._had_it.add(today)

    def is_due(self, now: datetime, steady: float) -> bool:
        """Say whether the hour has come on a day that has not had it."""
        today = now.astimezone(self._zone).date()
        return self._hour_has_come(now) and today not in self._had_it and steady >= self._not_before

    def ran(self, now: datetime, steady: float) -> None:
        """Note that the day has had it."""
        self._had_it.add(now.astimezone(self._zone).date())
        self._not_before = steady + _SHORTEST_DAY.total_seconds()

    def failed(self, steady: float) -> None:
        """Have it tried again soon, for the next day is far."""
        self._not_before = steady + _AFTER_FAILURE_SECONDS

    def _hour_has_come(self, now: datetime) -> bool:
        local = now.astimezone(self._zone)
        return (local.hour, local.minute) >= (self._when.hour, self._when.minute)


def _times(when: Every | Daily, now: datetime, steady: float) -> _Pause | _Day:
    return _Pause(when, steady) if isinstance(when, Every) else _Day(when, now, steady)
