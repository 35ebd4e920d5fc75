"""What the daemon owes by the clock: ticking clocks, honest gauges, the digest, a tidy store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from credwatch.app.posture import ladder_of
from credwatch.app.settings import Settings
from credwatch.casework.case_files import forget_unnamed
from credwatch.kernel.clock import Clock, Steady, steady_clock
from credwatch.pipeline.account_reminding import remind_of_accounts
from credwatch.pipeline.flood import tell_of_flood
from credwatch.pipeline.holding import tell_of_held
from credwatch.pipeline.joining import tell_joined
from credwatch.pipeline.news import tell_waiting
from credwatch.pipeline.reminding import remind_of_unanswered
from credwatch.pipeline.secrecy import ask_for_review
from credwatch.pipeline.silencing import tell_of_ended
from credwatch.pipeline.task_reminding import remind_of_tasks
from credwatch.service.clock_standings import by_phase, by_workflow
from credwatch.service.daily_digest import queue_digest
from credwatch.service.deadlines import Deadlines
from credwatch.service.lookout import TURN_SECONDS, Lookout
from credwatch.service.memory import return_free_memory
from credwatch.service.retention import Retention
from credwatch.service.schedule import Daily, Every, Job
from credwatch.sources.file.gone import gone_files
from credwatch.sources.network_options import SyslogSourceOptions
from credwatch.store import outbox, retention
from credwatch.store.cases import legal_clocks
from credwatch.store.cases.case_list import open_by_kind
from credwatch.store.cases.forgotten import count_forgotten
from credwatch.store.cases.silences import running_silences
from credwatch.store.cases.tasks import open_tasks
from credwatch.store.database import Database
from credwatch.store.state import progress
from credwatch.telemetry.metrics import Metrics
from credwatch.workflows.clocks import on_tick
from credwatch.workflows.facts import Facts

log = structlog.get_logger(__name__)

_GONE_FOR = timedelta(days=30)
"""A file that was last written so long ago, and is nowhere, does not come back."""
_TICK_SECONDS = 5


class Chores:
    """The jobs of the timetable; each is one short transaction."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        wake_outbox: Callable[[], None],
        clock: Clock,
        facts: Callable[[], Facts],
        settings: Settings,
        steady: Steady = steady_clock,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._wake_outbox = wake_outbox
        self._clock = clock
        self._facts = facts
        self._settings = settings
        self._deadlines = Deadlines(steady)
        sources, zone = [source.id for source in settings.source], settings.daemon.time_zone
        lossy = [source.id for source in settings.source if isinstance(source, SyslogSourceOptions)]
        self.lookout = Lookout(database, sources, clock, zone, facts, wake_outbox, lossy)
        """Who is to be told what the reading thread notices of sources."""
        self._retention = Retention(database, metrics, settings.retention, clock, steady)

    def jobs(self) -> list[Job]:
        """Name every job and its time."""
        hour, minute = map(int, self._settings.operators.digest_at.split(":"))
        return [
            Job("clocks", Every(_TICK_SECONDS), self.tick),
            Job("gauges", Every(_TICK_SECONDS), self.gauge),
            Job("retries", Every(30), self._wake_outbox),
            Job(
                "digest", Daily(hour, minute, self._settings.daemon.time_zone, self._latest_digest()), self.send_digest
            ),
            Job("windows", Every(3600), self.compact),
            Job("reminders", Every(300), self.remind),
            Job("blindness", Every(TURN_SECONDS), self.lookout.turn),
            Job("retention", Every(60), self._retention.turn),
            Job("memory", Every(60), return_free_memory),
            Job("housekeeping", Daily(3, 30, self._settings.daemon.time_zone), self.tidy),
        ]

    def tick(self) -> None:
        """Tell the operators of clocks that have run out, and of a flood that waits for them and has grown."""
        now = self._clock()
        with self._database.writing() as connection:
            clocks = legal_clocks.running_clocks(connection)
            times_left = self._deadlines.left(clocks, now)
            reaction = on_tick(now, clocks, self._facts(), lambda clock: times_left[clock.id])
            queued = outbox.queue(connection, reaction.commands)
            legal_clocks.save_clocks(connection, reaction.clocks)
            queued += tell_of_flood(connection, self._facts(), now)
            queued += tell_of_held(connection, self._facts(), now) + tell_waiting(connection, self._facts(), now)
            queued += tell_of_ended(connection, self._facts(), now) + tell_joined(connection, self._facts(), now)
        if queued:
            self._wake_outbox()

    def gauge(self) -> None:
        """Set the metrics that only the store knows."""
        now = self._clock()
        with self._database.reading() as connection:
            running = legal_clocks.running_clocks(connection)
            state = outbox.queue_state(connection)
            by_kind = open_by_kind(connection)
            hushed = running_silences(connection, now)
            late = sum(one.task.due_at is not None and one.task.due_at <= now for one in open_tasks(connection))
            untouched = count_forgotten(connection, now - self._settings.operators.forgotten_after)
        self._metrics.set_open_incidents(by_kind)
        self._metrics.cases.set_forgotten(untouched)
        self._metrics.cases.set_late_tasks(late)
        self._metrics.cases.set_silences([(silence.over_at - now).total_seconds() for silence in hushed])
        self._metrics.set_store_bytes(retention.size(self._database))
        age = max(0.0, (now - state.oldest).total_seconds()) if state.oldest else 0.0
        self._metrics.set_outbox(state.waiting, state.refused, age)
        held_age = max(0.0, (now - state.oldest_held).total_seconds()) if state.oldest_held else 0.0
        self._metrics.set_held(state.held, held_age)
        times_left = self._deadlines.left(running, now)
        self._metrics.set_clocks(by_workflow(running, times_left))
        self._metrics.regimes.set_clocks(by_phase(running, times_left, self._facts()))

    def remind(self) -> None:
        """Remind of what nobody has answered or done, of orders to be looked at again, of accounts that break rules."""
        with self._database.writing() as connection:
            queued = remind_of_unanswered(connection, self._facts(), self._clock())
            queued += ask_for_review(connection, self._facts(), self._clock())
            queued += remind_of_tasks(connection, self._facts(), self._clock())
            queued += self._remind_of_accounts(connection)
        if queued:
            self._wake_outbox()

    def _remind_of_accounts(self, connection: Connection) -> int:
        options = self._settings.posture.reminders
        ladder = ladder_of(options)
        return remind_of_accounts(connection, ladder, options.rules, options.most_per_day, self._facts(), self._clock())

    def send_digest(self) -> None:
        """Queue the digest of the local day that has just passed: its own counts, and what stands now."""
        with self._database.writing() as connection:
            queue_digest(connection, self._settings, self._facts(), self._clock())
        self._wake_outbox()

    def _latest_digest(self) -> date | None:
        """Tell the local day on which the latest digest was queued, so that a start makes up for a missed one."""
        with self._database.reading() as connection:
            queued_at = outbox.latest(connection, "digest")
        return queued_at.astimezone(ZoneInfo(self._settings.daemon.time_zone)).date() if queued_at else None

    def compact(self) -> None:
        """Let the stored windows be few large pieces again."""
        with self._database.writing() as connection:
            progress.compact_windows(connection)

    def tidy(self) -> None:
        """Forget files that are gone, give free pages back, and let the log file of the store shrink."""
        with self._database.reading() as connection:
            sources = progress.sources_read(connection)
        for source in sources:
            self._forget_gone(source)
        forget_unnamed(self._settings, self._database, self._clock())
        self._database.tidy()

    def _forget_gone(self, source: str) -> None:
        with self._database.reading() as connection:
            before = progress.cursors_of(connection, source)
        files = gone_files(before, before=self._clock() - _GONE_FOR)
        if not files:
            return
        with self._database.writing() as connection:
            now = progress.cursors_of(connection, source)
            # A file that came back meanwhile has been read on.
            progress.forget_files(connection, source, [file for file in files if now.get(file) == before[file]])
        log.info("source.gone_files", source=source, files=len(files))
