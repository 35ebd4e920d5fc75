"""Reads the sources of accounts by the clock, keeps what was found, and hands what changed to the rules.

Each source has a thread of its own while it is read, for a server or a file system may hang, and the timetable's one
thread has clocks to keep. What came of a reading is kept in one transaction, or not at all.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from credwatch.app.build import read_registers
from credwatch.app.posture import expectations_of
from credwatch.app.settings import Settings
from credwatch.app.sources import findings_file
from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import CredwatchError
from credwatch.posture.guessing.auditing import with_guesses
from credwatch.posture.judging import Expectations
from credwatch.posture.lines import FindingsFile, line_of
from credwatch.posture.options import AccountSourceOptions
from credwatch.posture.reading import AccountsReading, read
from credwatch.posture.review import review
from credwatch.service.schedule import Every, Job
from credwatch.store import posture
from credwatch.store.database import Database
from credwatch.store.posture import ReadingState
from credwatch.store.state import progress
from credwatch.telemetry.posture_metrics import PostureMetrics
from credwatch.world.register import Registers

log = structlog.get_logger(__name__)

_TURN_SECONDS = 5
_AGAIN = timedelta(minutes=15)
"""So long after a reading that failed the next one begins, or after the interval where that is shorter."""
_LINES_AT_ONCE = 1000
_SETTLED = "posture_file"
"""The engine's value that says how long the file of findings is without the lines that wait."""


class NoticedSource(Protocol):
    """Takes note whether a source can be read."""

    def __call__(self, source: str, *, is_up: bool, waiting: int) -> None:
        """Note it; `waiting` is how many bytes wait."""


class PostureWatch:
    """Begins readings that are due; the timetable's thread calls it alone, and each reading has its own."""

    def __init__(
        self, settings: Settings, database: Database, metrics: PostureMetrics, notice: NoticedSource, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._metrics = metrics
        self._notice = notice
        self._clock = clock
        self._file = FindingsFile(findings_file(settings))
        self._threads: dict[str, threading.Thread] = {}
        self._registers = Registers()
        self._measured: dict[str, ReadingState] | None = None
        self._is_first = True

    def jobs(self) -> list[Job]:
        """Name the job, where there are sources of accounts."""
        return [Job("posture", Every(_TURN_SECONDS), self.turn)] if self._settings.posture.source else []

    def turn(self) -> None:
        """Begin the readings that are due, write what waits, and set the metrics; raises StoreError, SourceError."""
        if self._is_first:
            self._forget_others()
        now = self._clock()
        with self._database.reading() as connection:
            states = posture.reading_states(connection)
        for options in self._settings.posture.source:
            self._notice(options.id, is_up=not _error_of(states.get(options.id)), waiting=0)
            if _is_due(states.get(options.id), self._settings.posture.interval, now):
                self._begin(options)
        self._write()
        self._measure()

    def _forget_others(self) -> None:
        """Let go what is kept of sources that the settings do not name any more."""
        with self._database.writing() as connection:
            posture.forget_sources(connection, [source.id for source in self._settings.posture.source])
        self._is_first = False

    def _begin(self, options: AccountSourceOptions) -> None:
        thread = self._threads.get(options.id)
        if thread is None or not thread.is_alive():
            name = f"posture-{options.id}"
            self._threads[options.id] = threading.Thread(target=self.look, args=(options,), name=name, daemon=True)
            self._threads[options.id].start()

    def look(self, options: AccountSourceOptions) -> None:
        """Read a source and keep what came of it, whatever fails."""
        begun_at = self._clock()
        try:
            expectations = expectations_of(self._settings, self._known_registers())
            reading = read(options, expectations.owner_of, self._clock)
            self._keep(reading, expectations)
        except CredwatchError as error:
            self._fail(options.id, begun_at, error.headline(), error.hint)
        except Exception as error:
            log.exception("posture.failed")  # a defect: the other sources are read, and this one again
            self._fail(options.id, begun_at, type(error).__name__, "report it, with the log")

    def _known_registers(self) -> Registers:
        """Read the registers anew; while an edit of them is wrong, the last good ones hold."""
        try:
            self._registers = read_registers(self._settings)
        except CredwatchError:
            if self._registers == Registers():
                raise
        return self._registers

    def _keep(self, reading: AccountsReading, expectations: Expectations) -> None:
        with self._database.reading() as connection:
            before = posture.findings_of(connection, reading.source)
            reading = with_guesses(reading, posture.audits_of(connection, reading.source))
        came = review(reading, before, expectations, self._registers.exemptions)
        state = ReadingState(
            reading.source, reading.at, reading.at, "", len(reading.accounts), reading.wrong, came.counts
        )
        with self._database.writing() as connection:
            posture.save_findings(connection, reading.source, came.findings)
            posture.save_reading(connection, state)
            posture.add_lines(connection, map(line_of, came.changes))
        log.info(
            "posture.read",
            source=reading.source,
            accounts=state.accounts,
            findings=len(came.findings),
            changes=len(came.changes),
        )
        if reading.wrong:
            problem = reading.problems[0]
            log.warning(
                "posture.wrong_values",
                source=reading.source,
                values=reading.wrong,
                row=problem.row,
                column=problem.column,
                problem=problem.problem,
                hint="`credwatch posture read` names more of them",
            )

    def _fail(self, source: str, at: datetime, why: str, hint: str) -> None:
        log.error("posture.not_read", source=source, error=why, hint=hint)
        try:
            with self._database.writing() as connection:
                earlier = posture.reading_states(connection).get(source) or ReadingState(source, at)
                posture.save_reading(connection, _failed(earlier, at, why))
        except CredwatchError as error:
            log.error("posture.not_kept", source=source, error=str(error))

    def _write(self) -> None:
        """Write the lines that wait, some at once, so that no turn is long."""
        with self._database.reading() as connection:
            waiting = posture.lines_waiting(connection, _LINES_AT_ONCE)
            settled = int(progress.value(connection, _SETTLED) or b"0")
        if not waiting:
            return
        size = self._file.write([line for _, line in waiting], settled)
        with self._database.writing() as connection:
            posture.lines_written(connection, waiting[-1][0])
            progress.save_value(connection, _SETTLED, str(size).encode())
        if (begun := self._file.put_aside(size)) != size:
            with self._database.writing() as connection:
                progress.save_value(connection, _SETTLED, str(begun).encode())

    def _measure(self) -> None:
        """Set the metrics, where a reading has come to its end since they were set last."""
        with self._database.reading() as connection:
            states = posture.reading_states(connection)
            if states == self._measured:
                return
            findings = posture.count_by_rule(connection)
        self._measured = states
        self._metrics.stands(
            [
                states.get(source.id) or ReadingState(source.id, self._clock())
                for source in self._settings.posture.source
            ],
            findings,
            self._settings.posture.interval,
        )


def _is_due(state: ReadingState | None, interval: timedelta, now: datetime) -> bool:
    """Say whether a source is to be read: never asked, long ago, or at a time that lies ahead, for a clock was set."""
    if state is None or state.tried_at > now:
        return True
    return now - state.tried_at >= (min(interval, _AGAIN) if state.error else interval)


def _error_of(state: ReadingState | None) -> str:
    return state.error if state else ""


def _failed(state: ReadingState, at: datetime, why: str) -> ReadingState:
    return ReadingState(state.source, at, state.read_at, why, state.accounts, state.wrong, state.counts)
