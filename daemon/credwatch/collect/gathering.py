"""Reads the sources, and puts what they give into the buffer: in a thread of its own, a little at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import structlog
from msgspec import Struct, field
from msgspec.structs import asdict

from credwatch.collect.buffer import Buffer, LinesRead
from credwatch.collect.options import CollectorOptions
from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError, StoreError
from credwatch.parse.pieces import HEADLESS
from credwatch.sources.file.source import FileOptions, FileSource
from credwatch.sources.interface import Chunk, Source
from credwatch.sources.journal.source import JOURNAL, JournalSource
from credwatch.sources.machine import machine_id, placed
from credwatch.sources.named import LineFormat
from credwatch.sources.options import (
    FileSourceOptions,
    JournalSourceOptions,
    MachineSourceOptions,
    PlacedSource,
    SourceOptions,
)

log = structlog.get_logger(__name__)

LONGEST_LINE = 512 * 1024
"""Of a longer line the rest is dropped: the daemon itself reads no more than 64 KiB of it."""

_CHUNK_BYTES = 256 * 1024
_TURN_BYTES = 2 * 1024 * 1024
_IDLE_SHARE = 200
"""A turn that finds nothing may cost this part of the time until the next one: half a per cent of a core."""

_LONGEST_PAUSE = 30.0
_STORE_PAUSE = 2.0
_MOST_FAILURES = 20


class GatheringState(Struct):
    """What the gathering has met, for metrics; each number only grows."""

    lines: int = 0
    """How many lines were read."""
    cut_lines: int = 0
    """How many of them were cut."""
    is_full: bool = False
    """Whether nothing is read, for the buffer is full."""
    turned_at: float = 0.0
    """When the last turn was over, on the monotonic clock."""
    events: dict[tuple[str, str], int] = field(default_factory=dict)
    """What befell the files of each source, as `Tally` names it."""
    down: dict[str, str] = field(default_factory=dict)
    """Why a source cannot be read, by its id."""
    trouble: str = ""
    """Why nothing can be kept."""


class LineGathering:
    """Reads in turns until it is told to stop; what the disk refuses is read again from what was kept."""

    def __init__(
        self, options: CollectorOptions, sources: tuple[SourceOptions, ...], buffer: Buffer, clock: Clock
    ) -> None:
        self._options = options
        self._choices = {source.id: placed(source) for source in sources}
        self._readings = {source.id: _reading(source) for source in sources}
        self._chunk_bytes = min(_CHUNK_BYTES, options.batch_bytes)
        self._buffer = buffer
        self._clock = clock
        self._sources: dict[str, Source] = {}
        self._tallies: dict[str, dict[str, int]] = {}
        self._stopped = threading.Event()
        self.state = GatheringState()
        self.on_kept: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Read until `stop`; then once more."""
        while not self._stopped.is_set():
            began = time.process_time()
            is_more = self.turn()
            pause = 0.0 if is_more else max(self._options.linger, (time.process_time() - began) * _IDLE_SHARE)
            self.state.turned_at = time.monotonic()
            self._stopped.wait(min(pause, _LONGEST_PAUSE))
        self.turn()
        self._close()

    def stop(self) -> None:
        """Let `run` return; may be called from any thread."""
        self._stopped.set()

    def turn(self) -> bool:
        """Read what waits, and keep it; return whether more waits."""
        self.state.is_full = self._buffer.packed_bytes >= self._options.buffer_bytes
        if self.state.is_full:
            return False
        try:
            gathered = [*self._gathered()]
            if gathered:
                self._buffer.keep(_merged(gathered, self._options.batch_bytes), self._clock())
                self.on_kept()
            self.state.trouble = ""
        except StoreError as error:
            self._refused(error)
            return False
        self.state.lines += sum(it.data.count(b"\n") for it in gathered)
        return sum(len(it.data) for it in gathered) >= _TURN_BYTES

    def _refused(self, error: StoreError) -> None:
        if not self.state.trouble:
            log.error("collect.not_kept", error=str(error))
        self.state.trouble = str(error)
        self._close()
        self._stopped.wait(_STORE_PAUSE)

    def _gathered(self) -> Iterator[LinesRead]:
        """Read a chunk of each log in turns, until nothing waits or it is enough."""
        size = 0
        for name, source in self._opened():
            failures = 0
            while size < _TURN_BYTES and failures < _MOST_FAILURES:
                try:
                    chunk = source.read(self._chunk_bytes)
                except SourceError as error:
                    log.warning("source.failed", source=name, error=str(error))
                    failures += 1
                    continue
                if chunk is None:
                    break
                size += len(chunk.data)
                yield self._of_chunk(chunk)
            self._note(name, source)

    def _opened(self) -> Iterator[tuple[str, Source]]:
        for name, options in self._choices.items():
            if name not in self._sources:
                self._tallies.pop(name, None)
                self._sources[name] = self._open(options)
            yield name, self._sources[name]

    def _open(self, options: PlacedSource) -> Source:
        cursors = self._buffer.cursors(options.id)
        match options:
            case FileSourceOptions():
                # No watch: to be woken a hundred times a second would cost more than to look once.
                followed = FileOptions(name=options.id, paths=options.paths, start=options.read_from)
                return FileSource(followed, cursors, clock=self._clock)
            case JournalSourceOptions():
                return JournalSource(options, cursors, clock=self._clock, machine=machine_id())
        raise AssertionError(f"nothing collects {options.kind}")

    def _of_chunk(self, chunk: Chunk) -> LinesRead:
        data, cut = cut_long(chunk.data)
        self.state.cut_lines += cut
        form, zone = self._readings[chunk.source]
        return LinesRead(
            source=chunk.source,
            file=chunk.file,
            log=f"journal/{chunk.source}" if chunk.file == JOURNAL else chunk.file,
            data=data,
            before=chunk.before,
            reference=chunk.reference,
            cursor=chunk.cursor,
            format=form,
            zone=zone,
        )

    def _note(self, name: str, source: Source) -> None:
        """Take note of what befell a source since the last turn."""
        before, after = self._tallies.get(name, {}), asdict(source.tally)
        self._tallies[name] = after
        for what, number in after.items():
            if (more := number - before.get(what, 0)) > 0:
                self.state.events[name, what] = self.state.events.get((name, what), 0) + more
                log.warning("source.met", source=name, what=what, count=more)
        problems = source.problems()
        if problems:
            self.state.down[name] = str(problems[0])
        else:
            self.state.down.pop(name, None)

    def _close(self) -> None:
        for source in self._sources.values():
            source.close()
        self._sources = {}


def cut_long(data: bytes) -> tuple[bytes, int]:
    """Give whole lines, none of them longer than `LONGEST_LINE`, and say how many were cut."""
    if data and not data.endswith(b"\n"):
        data += b"\n"
    if len(data) <= LONGEST_LINE or all(len(line) < LONGEST_LINE for line in data.split(b"\n")):
        return data, 0
    lines = data.split(b"\n")
    cut = [line[: LONGEST_LINE - 1] for line in lines]
    return b"\n".join(cut), sum(len(one) != len(other) for one, other in zip(lines, cut, strict=True))


def _merged(gathered: list[LinesRead], most: int) -> list[LinesRead]:
    """Put what follows one another in a log into as few batches as may be, none with more lines than `most` bytes."""
    merged: list[LinesRead] = []
    latest: dict[tuple[str, str], int] = {}
    for it in gathered:
        key = (it.source, it.file)
        at = latest.get(key)
        is_room = at is not None and len(merged[at].data) + len(it.data) <= most
        if at is not None and (not it.data or is_room) and it.before != HEADLESS:
            merged[at] = _joined(merged[at], it)
            continue
        latest[key] = len(merged)
        merged.append(it)
    return merged


def _joined(first: LinesRead, second: LinesRead) -> LinesRead:
    later = second if second.data or not first.data else first
    return LinesRead(
        *(first.source, first.file, first.log),
        data=first.data + second.data,
        before=first.before if first.data else second.before,
        reference=later.reference,
        cursor=second.cursor,
        format=first.format,
        zone=first.zone,
    )


def _reading(options: SourceOptions) -> tuple[LineFormat | None, str]:
    """Say how lines are to be read, as far as the settings here say it."""
    if isinstance(placed(options), JournalSourceOptions):
        return "syslog", ""
    if not isinstance(options, FileSourceOptions | MachineSourceOptions):
        return None, ""
    zone = options.time_zone if "time_zone" in options.model_fields_set else ""
    form = options.format if isinstance(options, FileSourceOptions) and "format" in options.model_fields_set else None
    return form, zone
