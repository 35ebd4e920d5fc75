"""Asks a source in a thread of its own, so that a file system that never answers holds up no other source.

The idea. A call into a dead network file system does not come back, and no thread can be called back from it. So the
calls go to a thread that does nothing else; whoever asks waits for a moment and is otherwise told that nothing waits.
A thread is made once for each source's name, and what is asked later waits behind what hangs: a daemon that opens its
sources again and again has no more threads for it. When the file system answers, the source goes on by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from queue import SimpleQueue

import structlog
from msgspec import Struct

from credwatch.kernel.clock import Steady, steady_clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import Chunk, Cursor, Source, Tally

log = structlog.get_logger(__name__)

_MOMENT_SECONDS = 0.5
"""So long an answer is waited for, where the last one came in time."""

_SILENT_SECONDS = 5.0
"""A source that has not answered for so long is down until it does."""

_LAG_SECONDS = 1.0
"""How many bytes wait is asked no more often than this while there are more: it is a look at each file."""


class _Worker:
    """One thread that does one thing after the other, as a daemon: it keeps no process from ending."""

    def __init__(self, name: str) -> None:
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name=f"apart-{name}", daemon=True).start()

    def do(self, task: Callable[[], None]) -> None:
        """Have something done once what was asked before is done."""
        self._tasks.put(task)

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                task()
            except Exception:  # a defect in one task must not end the thread that the next ones wait for
                log.exception("source.apart_failed")


_LANES: dict[str, _Worker] = {}
"""The threads, by the sources' names."""


class _Standing(Struct, frozen=True):
    """What a source said of itself after its last answer."""

    tally: Tally = Tally()
    waiting: int = 1
    awaited: tuple[str, ...] = ()
    problems: tuple[SourceError, ...] = ()


class _Question:
    """One call of `read`, and what came of it."""

    def __init__(self, asked_at: float) -> None:
        self.asked_at = asked_at
        self.is_answered = threading.Event()
        self.chunk: Chunk | None = None
        self.error: Exception | None = None


class ApartSource:
    """Keeps the promises of `Source` for a source whose calls may not come back; see `sources/interface.py`.

    `opened` makes it, in its own thread. `wake` is called when an answer comes that nobody waited for any more.
    """

    def __init__(
        self, name: str, opened: Callable[[], Source], wake: Callable[[], None], steady: Steady = steady_clock
    ) -> None:
        self._name = name
        self._opened = opened
        self._wake = wake
        self._steady = steady
        if name not in _LANES:
            _LANES[name] = _Worker(name)
        self._lane = _LANES[name]
        self._source: Source | None = None
        self._standing = _Standing()
        self._question: _Question | None = None
        self._is_told = False
        self._lag, self._lag_at = 0, float("-inf")
        self._is_closed = False

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._name

    @property
    def tally(self) -> Tally:
        """What the source had met at its last answer."""
        return self._standing.tally

    @property
    def finished(self) -> bool:
        """False: what is followed may always grow."""
        return False

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give the next chunk where the source answers in a moment, else None; see `Source.read`.

        Raises SourceError once where it has not answered for long.
        """
        if self._question is None:
            self._question = _Question(self._steady())
            question, files = self._question, tuple(held)
            self._lane.do(lambda: self._answer(question, limit_bytes, files))
            question.is_answered.wait(_MOMENT_SECONDS)
        question = self._question
        if not question.is_answered.is_set():
            if self._is_silent() and not self._is_told:
                self._is_told = True
                raise self._silence()
            return None
        self._question, self._is_told = None, False
        if question.error is not None:
            raise question.error
        return question.chunk

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor for going on within a chunk, which asks no file; see `Source.cursor_at`."""
        assert self._source is not None, "a chunk comes from a source that is open"
        return self._source.cursor_at(chunk, position)

    def acknowledge(self, chunk: Chunk) -> None:
        """Do nothing: files can be read again; see `Source.acknowledge`."""

    def waiting(self) -> int:
        """Say how many files had lines waiting at the last answer, and one where there was none yet."""
        return self._standing.waiting

    def awaited(self) -> Collection[str]:
        """Name what was awaited at the last answer; nothing while there is none, for nobody shall wait for it."""
        return () if self._question is not None else self._standing.awaited

    def problems(self) -> list[SourceError]:
        """Return what could not be read at the last answer, and that there is none."""
        silence = [self._silence()] if self._is_silent() else []
        return [*self._standing.problems, *silence]

    def lag(self) -> int:
        """Say how many bytes waited at the last answer."""
        return self._lag

    def close(self) -> None:
        """Have everything given back once the source answers; returns at once."""
        if not self._is_closed:
            self._is_closed = True
            self._lane.do(self._end)

    def _answer(self, question: _Question, limit: int, held: tuple[str, ...]) -> None:
        try:
            if not self._is_closed:
                if self._source is None:
                    self._source = self._opened()
                question.chunk = self._source.read(limit, held)
        except Exception as error:  # noqa: BLE001 - it is raised by whoever asked
            question.error = error
        finally:
            self._note(is_over=question.chunk is None)
            question.is_answered.set()
            if self._steady() - question.asked_at > _MOMENT_SECONDS:
                self._wake()

    def _note(self, *, is_over: bool) -> None:
        source = self._source
        if source is None or self._is_closed:
            return
        self._standing = _Standing(source.tally, source.waiting(), tuple(source.awaited()), tuple(source.problems()))
        now = self._steady()
        if is_over or now - self._lag_at >= _LAG_SECONDS:
            self._lag, self._lag_at = source.lag(), now

    def _end(self) -> None:
        if self._source is not None:
            self._source.close()

    def _is_silent(self) -> bool:
        question = self._question
        is_open = question is not None and not question.is_answered.is_set()
        return is_open and question is not None and self._steady() - question.asked_at > _SILENT_SECONDS

    def _silence(self) -> SourceError:
        hint = "mend the file system, or its server; the source goes on by itself once it answers"
        return SourceError("the file system does not answer", where=f"source {self._name}", hint=hint)
