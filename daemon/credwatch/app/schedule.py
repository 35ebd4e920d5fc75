"""The timetable: what the daemon does by the clock, beside what lines make it do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from msgspec import Struct

from credwatch.kernel.errors import CredwatchError

log = structlog.get_logger(__name__)


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


class Job(Struct, frozen=True):
    """One thing to do by the clock."""

    name: str
    """Its name in metrics and logs."""
    when: Every | Daily
    """When."""
    act: Callable[[], None]
    """What; runs in a thread of the timetable, never twice at once."""


class Timetable:
    """Runs jobs by the clock in one thread; a job that fails is logged and runs again at its next time."""

    def __init__(self, jobs: list[Job], on_ran: Callable[[str, datetime], None]) -> None:
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600},
        )
        self._on_ran = on_ran
        for job in jobs:
            self._scheduler.add_job(_guarded(job), _trigger(job.when), id=job.name)
        self._scheduler.add_listener(self._heard, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)

    def start(self) -> None:
        """Begin; the first run of each interval job is one interval away."""
        self._scheduler.start()

    def stop(self) -> None:
        """End; waits for the job under way."""
        self._scheduler.shutdown(wait=True)

    def _heard(self, event: JobExecutionEvent) -> None:
        if event.exception is None:
            self._on_ran(event.job_id, event.scheduled_run_time)


def _guarded(job: Job) -> Callable[[], None]:
    def run() -> None:
        try:
            job.act()
        except CredwatchError as error:
            log.error("job.failed", job=job.name, error=str(error))
            raise

    return run


def _trigger(when: Every | Daily) -> IntervalTrigger | CronTrigger:
    if isinstance(when, Every):
        return IntervalTrigger(seconds=when.seconds)
    return CronTrigger(hour=when.hour, minute=when.minute, timezone=when.time_zone)
