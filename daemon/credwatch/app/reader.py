"""The reading loop: asks each source in turn, carries what it gives through the pipeline, and survives what fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import structlog

from credwatch.app.ahead import ReadAhead
from credwatch.app.pipeline import Pipeline
from credwatch.app.report import Prepared, Report
from credwatch.kernel.errors import CredwatchError, SourceError, StoreError
from credwatch.sources.interface import Cursor, Source
from credwatch.store import progress
from credwatch.store.database import Database

log = structlog.get_logger(__name__)

OpenSource = Callable[[Mapping[str, Cursor]], Source]
"""Opens a source from the cursors that were committed last, by file."""

_IDLE_SECONDS = 1.0
_PACE_SECONDS = 0.2
"""A reader that has caught up takes what comes in so long together: a batch costs more than its lines."""
_STORE_PAUSE_SECONDS = 2.0
_SMALLEST_BYTES = 4096
_SHRINK = 16


class Reader:
    """Runs the pipeline over every source until told to stop.

    A store that fails is asked again, from the committed cursors, until it answers: nothing is lost or counted twice.
    A chunk that the pipeline cannot carry is taken again in ever smaller pieces; the smallest that still fails is kept
    as unparsed with the reason `internal_error`, so one poisonous line stops nothing.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        openers: Mapping[str, OpenSource],
        database: Database,
        *,
        batch_bytes: int,
        on_report: Callable[[Report], None],
        on_turn: Callable[[str, Source], None] = lambda _name, _source: None,
        on_store_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._pipeline = pipeline
        self._openers = dict(openers)
        self._sources: dict[str, tuple[Source, ReadAhead]] = {}
        self._executor = ThreadPoolExecutor(1, "ahead")
        self._database = database
        self._batch_bytes = batch_bytes
        self._limit = dict.fromkeys(openers, batch_bytes)
        self._on_report = on_report
        self._on_turn = on_turn
        self._on_store_failure = on_store_failure
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._is_behind = False
        self._between: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def run(self) -> None:
        """Read until `stop`; the batch under way is committed first."""
        while not self._stopped.is_set():
            self._woken.clear()
            self._do_between()
            self._is_behind = False
            if not any([self._turn(name) for name in self._openers]):
                self._woken.wait(_IDLE_SECONDS)
            elif not self._is_behind:
                self._stopped.wait(_PACE_SECONDS)
        self._executor.shutdown(cancel_futures=True)
        for source, _ in self._sources.values():
            source.close()

    def wake(self) -> None:
        """Say that a source may have more; may be called from any thread."""
        self._woken.set()

    def stop(self) -> None:
        """Let `run` return after the present batch; may be called from any thread."""
        self._stopped.set()
        self._woken.set()

    def between_batches(self, act: Callable[[], None]) -> None:
        """Have something done by the reading thread when no batch is under way, such as a reload."""
        with self._lock:
            self._between.append(act)
        self._woken.set()

    def _do_between(self) -> None:
        with self._lock:
            acts, self._between = self._between, []
        for act in acts:
            act()

    def _turn(self, name: str) -> bool:
        """Take one chunk of a source; return whether there was one."""
        try:
            source, ahead = self._opened(name)
            prepared = ahead.next(self._limit[name])
        except SourceError as error:
            log.warning("source.failed", source=name, error=str(error))
            prepared = None
        except StoreError as error:
            self._store_failed(name, error)
            return False
        except Exception:  # a defect or a poisonous line must not stop the daemon
            log.exception("pipeline.failed", source=name)
            return self._smaller(name)
        self._on_turn(name, source)
        return prepared is not None and self._take(name, prepared)

    def _take(self, name: str, prepared: Prepared) -> bool:
        try:
            report = self._pipeline.take(prepared)
            self._is_behind |= report.backlog > 0
        except StoreError as error:
            self._store_failed(name, error)
        except Exception:  # a defect or a poisonous line must not stop the daemon
            log.exception("pipeline.failed", source=name)
            self._smaller(name)
        else:
            self._limit[name] = min(self._batch_bytes, self._limit[name] * _SHRINK)
            self._on_report(report)
        return not self._stopped.is_set()

    def _opened(self, name: str) -> tuple[Source, ReadAhead]:
        if name not in self._sources:
            with self._database.reading() as connection:
                cursors = progress.cursors_of(connection, name)
            source = self._openers[name](cursors)
            self._sources[name] = (source, ReadAhead(source, self._pipeline, self._executor))
        return self._sources[name]

    def _smaller(self, name: str) -> bool:
        """Take the lines that failed again in smaller pieces, and set the smallest aside."""
        self._go_back(name)
        if self._limit[name] > _SMALLEST_BYTES:
            self._limit[name] = max(_SMALLEST_BYTES, self._limit[name] // _SHRINK)
            return not self._stopped.is_set()
        try:
            source, _ = self._opened(name)
            chunk = source.read(_SMALLEST_BYTES)
            if chunk is not None:
                self._pipeline.set_aside(chunk)
        except (SourceError, StoreError) as error:
            self._store_failed(name, error)
        return not self._stopped.is_set()

    def _store_failed(self, name: str, error: CredwatchError) -> None:
        log.error("store.failed", source=name, error=str(error))
        self._on_store_failure()
        self._go_back(name)
        self._woken.wait(_STORE_PAUSE_SECONDS)

    def _go_back(self, name: str) -> None:
        """Close the source; it is opened again from what was committed."""
        if name in self._sources:
            source, _ = self._sources.pop(name)
            source.close()
