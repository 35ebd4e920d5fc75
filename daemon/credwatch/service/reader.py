"""The reading loop: asks every source, carries what they give through the pipeline, and survives what fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from msgspec import Struct

from credwatch.kernel.errors import CredwatchError, SourceError, StoreError
from credwatch.pipeline.merge import Merge, Turn
from credwatch.pipeline.pipeline import Pipeline
from credwatch.pipeline.prepared import Prepared
from credwatch.pipeline.preparing import together
from credwatch.pipeline.report import BatchResult
from credwatch.sources.interface import Chunk, Cursor, Source
from credwatch.store.database import Database
from credwatch.store.state import progress

log = structlog.get_logger(__name__)

OpenSource = Callable[[Mapping[str, Cursor]], Source]
"""Opens a source from the cursors that were committed last, by file."""

_IDLE_SECONDS = 1.0
_PACE_SECONDS = 0.2
"""A reader that has caught up takes what comes in so long together: a batch costs more than its lines."""
_STORE_PAUSE_SECONDS = 2.0
_PATIENCE_SECONDS = 10.0
"""How long a line waits at most for logs that are behind it."""
_SMALLEST_BYTES = 4096
_SMALLEST_SHARE = 65_536
"""Where many logs wait, the chunk of each may be this small, and no smaller."""
_SHRINK = 16
_MOST_FAILURES = 100
"""So many files that cannot be read are asked in one turn; the others come in the next."""


class _Coming(Struct, frozen=True, eq=False):
    """Chunks that are being prepared together."""

    source: Source
    chunks: list[Chunk]
    prepared: Future[list[Prepared]]


class Reader:
    """Runs the pipeline over every source until told to stop.

    Lines of all sources are taken in the order of event time, as `Merge` gives them. A store that fails is asked again,
    from the committed cursors, until it answers: nothing is lost or counted twice. Lines that the pipeline cannot carry
    are taken again chunk by chunk, in ever smaller ones; the smallest that still fails is kept as unparsed with the
    reason `internal_error`, so one poisonous line stops nothing.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        openers: Mapping[str, OpenSource],
        database: Database,
        *,
        batch_bytes: int,
        on_report: Callable[[BatchResult], None],
        on_turn: Callable[[str, Source], None] = lambda _name, _source: None,
        on_store_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._pipeline = pipeline
        self._openers = dict(openers)
        self._sources: dict[str, Source] = {}
        self._executor = ThreadPoolExecutor(1, "ahead")
        self._database = database
        self._batch_bytes = batch_bytes
        self._careful_bytes = batch_bytes
        self._on_report = on_report
        self._on_turn = on_turn
        self._on_store_failure = on_store_failure
        self._merge = Merge(patience=_PATIENCE_SECONDS)
        self._coming: list[_Coming] = []
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._between: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def run(self) -> None:
        """Read until `stop`; the batch under way is committed first."""
        try:
            while not self._stopped.is_set():
                self._woken.clear()
                self._do_between()
                if not self.turn():
                    self._woken.wait(_IDLE_SECONDS)
                elif not self._is_behind():
                    self._stopped.wait(_PACE_SECONDS)
        finally:
            self._executor.shutdown(cancel_futures=True)
            self._go_back()

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

    def read_again(self) -> None:
        """Carry kept lines that the present packs read through the pipeline; in the reading thread alone."""
        try:
            report = self._pipeline.read_again()
        except (
            Exception
        ):  # a defect, or a store that is away, must not stop what comes now; the next reload tries again
            log.exception("unparsed.failed", hint="the lines stay kept")
            return
        if report is not None:
            log.info("unparsed.read_again", lines=report.read_again)
            self._on_report(report)

    def _do_between(self) -> None:
        with self._lock:
            acts, self._between = self._between, []
        for act in acts:
            act()

    def _is_behind(self) -> bool:
        return len(self._merge) > 0 or len(self._coming) > 0 or self._careful_bytes < self._batch_bytes

    def turn(self) -> bool:
        """Take what comes next, whatever fails on the way; return whether there was anything."""
        try:
            return self._turn() if self._careful_bytes == self._batch_bytes else self._careful_turn()
        except StoreError as error:
            log.error("store.failed", error=str(error))
            self._on_store_failure()
            self._go_back()
            self._woken.wait(_STORE_PAUSE_SECONDS)
        except Exception:  # a defect or a poisonous line must not stop the daemon
            log.exception("pipeline.failed")
            self._go_back()
            self._careful_bytes = max(_SMALLEST_BYTES, self._careful_bytes // _SHRINK)
        return not self._stopped.is_set()

    def _turn(self) -> bool:
        """Take the lines whose turn it is; while they are held against the rules, the next ones are prepared."""
        self._read_ahead()
        for coming in self._coming:
            for prepared in coming.prepared.result():
                self._merge.add(prepared, coming.source.cursor_at)
        self._coming = []
        if not len(self._merge):
            return False
        turn = self._merge.take([(name, file) for name, source in self._sources.items() for file in source.awaited()])
        if not turn.parts:
            self._stopped.wait(_PACE_SECONDS)
            return True
        if any(part.chunk.backlog for part in turn.parts):
            self._read_ahead()
        self._take(turn)
        return True

    def _take(self, turn: Turn) -> None:
        self._on_report(self._pipeline.take(turn))
        for part in turn.parts:
            self._sources[part.chunk.source].acknowledge(part.chunk)

    def _read_ahead(self) -> None:
        """Have a chunk prepared of each log of which none is at hand."""
        for name, source in self._opened():
            held = {*self._merge.files(name), *(it.file for it in self._coming_chunks() if it.source == name)}
            for chunks in together(self._chunks(source, self._share, held)):
                prepared = self._executor.submit(self._pipeline.prepare, chunks)
                self._coming.append(_Coming(source, chunks, prepared))
            self._on_turn(name, source)

    def _coming_chunks(self) -> Iterator[Chunk]:
        return (chunk for coming in self._coming for chunk in coming.chunks)

    def _share(self) -> int:
        """Say how large the next chunk may be: those of all logs that wait are about two batches together."""
        waiting = sum(source.waiting() for source in self._sources.values())
        held = self._merge.size() + sum(len(chunk.data) for chunk in self._coming_chunks())
        room = min(self._batch_bytes // max(waiting, 1), self._batch_bytes - held // 2)
        return max(min(_SMALLEST_SHARE, self._batch_bytes), room)

    def _chunks(self, source: Source, share: Callable[[], int], held: set[str]) -> Iterator[Chunk]:
        """Read a chunk of each file that is not held; one that cannot be read holds up no other."""
        failures = 0
        while not self._stopped.is_set() and failures < _MOST_FAILURES:
            try:
                chunk = source.read(share(), held)
            except SourceError as error:
                log.warning("source.failed", source=source.name, error=str(error))
                failures += 1
                continue
            if chunk is None:
                return
            held.add(chunk.file)
            yield chunk

    def _opened(self) -> Iterator[tuple[str, Source]]:
        """Give every source; one that cannot be opened holds up no other."""
        for name, opener in self._openers.items():
            try:
                if name not in self._sources:
                    with self._database.reading() as connection:
                        cursors = progress.cursors_of(connection, name)
                    self._sources[name] = opener(cursors)
            except SourceError as error:
                log.warning("source.failed", source=name, error=str(error))
                continue
            yield name, self._sources[name]

    def _careful_turn(self) -> bool:
        """Take one chunk of each log for itself, and set aside what cannot be carried however small it is."""
        took = False
        for _, source in self._opened():
            for chunk in self._chunks(source, lambda: self._careful_bytes, set()):
                took = True
                self._take_alone(chunk)
        self._careful_bytes = min(self._batch_bytes, self._careful_bytes * _SHRINK)
        return took

    def _take_alone(self, chunk: Chunk) -> None:
        try:
            self._take(Turn(tuple(self._pipeline.prepare([chunk])), None))
        except (CredwatchError, MemoryError):
            raise
        except Exception:  # the poison is in here
            if self._careful_bytes > _SMALLEST_BYTES:
                raise
            log.exception("pipeline.failed", source=chunk.source, hint="the lines are kept as unparsed")
            self._pipeline.set_aside(chunk)

    def _go_back(self) -> None:
        """Close every source; each is opened again from what was committed."""
        for coming in self._coming:
            coming.prepared.cancel()
        self._coming, self._merge = [], Merge(patience=_PATIENCE_SECONDS)
        for source in self._sources.values():
            source.close()
        self._sources = {}
