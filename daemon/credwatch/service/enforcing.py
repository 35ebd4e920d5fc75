"""What enforcement owes by the clock: measures whose time is over are undone, what nobody approved lapses."""

from __future__ import annotations

from collections.abc import Callable

from credwatch.kernel.clock import Clock
from credwatch.pipeline.enforcing import is_quiet, move_on, stop_of
from credwatch.service.schedule import Every, Job
from credwatch.store import measures
from credwatch.store.database import Database
from credwatch.telemetry.measure_metrics import MeasureMetrics
from credwatch.workflows.facts import Facts

_TURN_SECONDS = 5


class EnforcingJobs:
    """The job of the timetable that moves measures on; each turn is one short transaction."""

    def __init__(
        self,
        database: Database,
        metrics: MeasureMetrics,
        wake_outbox: Callable[[], None],
        clock: Clock,
        facts: Callable[[], Facts],
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._wake_outbox = wake_outbox
        self._clock = clock
        self._facts = facts

    def jobs(self) -> list[Job]:
        """Name the job and its time."""
        return [Job("measures", Every(_TURN_SECONDS), self.turn)]

    def turn(self) -> None:
        """Move on what is due, and count what there is; where nothing is in force or waits, that takes no lock."""
        queued = 0
        with self._database.reading() as connection:
            quiet, totals, stop = is_quiet(connection), measures.counts(connection), stop_of(connection)
        if not quiet:
            with self._database.writing() as connection:
                queued = move_on(connection, self._facts(), self._clock())
                totals, stop = measures.counts(connection), stop_of(connection)
        self._metrics.set_totals(totals)
        self._metrics.set_stopped(stop is not None)
        if queued:
            self._wake_outbox()
