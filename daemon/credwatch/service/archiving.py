"""Fills the archive while the daemon runs: moves events into files, files into days, and lets go what is over.

The work has a thread of its own, for the timetable's one thread has clocks to keep. It may be interrupted anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time

import structlog

from credwatch.app.archive import archive_folder
from credwatch.app.settings import Settings
from credwatch.archive.days import compact
from credwatch.archive.folder import ArchiveError, Segment
from credwatch.archive.forgetting import forget
from credwatch.archive.moving import move
from credwatch.kernel.clock import Clock, Steady, steady_clock
from credwatch.kernel.errors import StoreError
from credwatch.pipeline.archiving import ArchiveInlet
from credwatch.service.schedule import Every, Job
from credwatch.store.database import Database
from credwatch.store.state import unarchived
from credwatch.telemetry.archive_metrics import ArchiveMetrics, ArchiveStanding

log = structlog.get_logger(__name__)

_TURN_SECONDS = 5
_ENOUGH_BYTES = 4_194_304
_AT_ONCE_BYTES = 4_194_304
_LONGEST_SECONDS = 3600.0
"""So long few events wait in the store at most before they come to a file."""
_MANY_BYTES = 268_435_456
"""Segments of so many bytes are brought to their days before the day is over."""
_REST_SECONDS = 86_400.0
_STOP_SECONDS = 20.0


class Archiving:
    """Looks every few seconds whether there is work for the archive."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        inlet: ArchiveInlet | None,
        metrics: ArchiveMetrics,
        ends: Callable[[], Mapping[str, date]],
        on_lost: Callable[[], None],
        clock: Clock,
        steady: Steady = steady_clock,
    ) -> None:
        self._settings = settings.archive
        self._folder = archive_folder(settings)
        self._waiting_bytes = 0
        self._database = database
        self._inlet = inlet
        self._metrics = metrics
        self._ends = ends
        self._on_lost = on_lost
        self._clock = clock
        self._steady = steady
        with database.reading() as connection:
            self._given_before = unarchived.latest_number(connection)
        self._has_begun = False
        self._moved_at = self._forgets_at = steady()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._is_failing = False

    def jobs(self) -> list[Job]:
        """Name the job; where nothing is archived any more, what was archived is still forgotten in time."""
        if self._inlet is None and not self._folder.path.exists():
            return []
        return [Job("archive", Every(_TURN_SECONDS), self.turn)]

    def turn(self) -> None:
        """Begin what is to be done, unless it is under way; raises StoreError."""
        with self._database.reading() as connection:
            waiting = unarchived.state(connection)
        self._waiting_bytes = waiting.bytes
        lost = self._inlet.measured(waiting.bytes) if self._inlet is not None else 0
        self._metrics.waits(waiting.events, waiting.bytes)
        if lost:
            self._on_lost()
            self._metrics.lost(lost)
            log.error("archive.lost", events=lost, hint="these events were seen, and are not in the archive")
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self.work, name="archive", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Let the work under way come to an end, or leave it where it is: it is done again at the next start."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def work(self) -> None:
        """Do what is to be done now, whatever fails."""
        try:
            self._begin()
            self._move()
            self._bring_to_days()
            self._forget()
            self._metrics.stands(self._standing())
        except (ArchiveError, StoreError) as error:
            self._fail(str(error))
        except Exception as error:  # a defect, or a file that is torn: the events wait, and detection goes on
            log.exception("archive.failed")
            self._fail(str(error))
        else:
            if self._is_failing:
                log.info("archive.works_again")
            self._is_failing = False
            self._metrics.works(is_up=True)

    def _fail(self, why: str) -> None:
        self._metrics.works(is_up=False)
        if not self._is_failing:
            log.error("archive.failed", error=why, hint="events wait in the store; `credwatch events` finds them there")
        self._is_failing = True

    def _begin(self) -> None:
        if self._has_begun:
            return
        self._folder.prepare()
        with self._database.writing() as connection:
            unarchived.begin_behind(connection, self._folder.latest(), given_before=self._given_before)
        self._has_begun = True

    def _move(self) -> None:
        """Move what waits, once it is enough or has waited for long."""
        is_long = self._steady() - self._moved_at >= _LONGEST_SECONDS
        if not (is_long or self._is_failing) and self._waiting_bytes < _ENOUGH_BYTES:
            return
        while not self._stopped.is_set():
            latest = self._folder.latest()
            with self._database.reading() as connection:
                some = unarchived.waiting(connection, latest, _AT_ONCE_BYTES)
            move(self._folder, ((it.number, it.packed) for it in some))
            with self._database.writing() as connection:
                unarchived.forget_moved(connection, some[-1].number if some else latest)
            if not some:
                break
        self._moved_at = self._steady()

    def _bring_to_days(self) -> None:
        """Bring segments to their days, once a day is over or they are many."""
        segments = self._folder.segments()
        if self._stopped.is_set() or (not any(map(self._is_old, segments)) and _size(segments) < _MANY_BYTES):
            return
        days = compact(self._folder)
        log.info("archive.compacted", segments=len(segments), days=len(days))

    def _is_old(self, segment: Segment) -> bool:
        written = datetime.fromtimestamp(segment.path.stat().st_mtime, UTC)
        return written.date() < self._clock().astimezone(UTC).date()

    def _forget(self) -> None:
        """Let go what is over, once a day."""
        if self._stopped.is_set() or self._steady() < self._forgets_at:
            return
        now = self._clock()
        last = (now - self._settings.after_service).astimezone(UTC)
        ended = [customer for customer, day in self._ends().items() if datetime.combine(day, time.max, UTC) < last]
        gone = forget(self._folder, now, self._settings.retention, ended)
        self._forgets_at = self._steady() + _REST_SECONDS
        if gone.days or gone.rewritten:
            log.info("archive.forgot", days=gone.days, rewritten=gone.rewritten)

    def _standing(self) -> ArchiveStanding:
        days = self._folder.days()
        return ArchiveStanding(self._folder.size(), self._folder.rows(), min(days, default=None))


def _size(segments: list[Segment]) -> int:
    return sum(segment.path.stat().st_size for segment in segments)
