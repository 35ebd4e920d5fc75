"""Puts the lines of many logs into one order, that of event time, so that how files are grouped changes nothing.

The idea is a merge of sorted files: one chunk of each log that waits is held, and what is given on are the lines up to
the moment that every log has reached. So a backlog in many files is read as if it had been one file. Its cost is a
chunk of memory for each log that waits, and one pass to put the lines of several chunks in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from msgspec import Struct

from credwatch.pipeline.prepared import Prepared
from credwatch.sources.interface import Chunk, Cursor

Log = tuple[str, str]
"""A source and a file of it."""

_NOTHING_YET = -(1 << 61)
"""Before any event."""

CursorAt = Callable[[Chunk, int], Cursor]
"""Gives the cursor for going on within a chunk; see `Source.cursor_at`."""


class Turn(Struct, frozen=True, eq=False):
    """What is to be taken next, together."""

    parts: tuple[Prepared, ...]
    """Chunks or beginnings of chunks, of a log each, by name."""
    expected: int | None
    """The earliest event time that logs with more lines waiting may still bring, microseconds; None for none."""


class _Held(Struct, eq=False):
    prepared: Prepared
    cursor_at: CursorAt
    since: float


class Merge:
    """Holds a chunk of each log that waits, and gives the lines whose turn it is.

    `patience` is how many seconds a chunk waits at most for other logs that are behind it: one long backlog must not
    hold up what happens now. None: as long as it takes, for logs that are all finished.
    """

    def __init__(self, *, patience: float | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._held: dict[Log, _Held] = {}
        self._reached: dict[Log, int] = {}

    def __len__(self) -> int:
        return len(self._held)

    def size(self) -> int:
        """Say how many bytes of lines are held."""
        return sum(held.prepared.size for held in self._held.values())

    def files(self, source: str) -> Collection[str]:
        """Name the files of a source of which a chunk is held."""
        return {file for name, file in self._held if name == source}

    def add(self, prepared: Prepared, cursor_at: CursorAt) -> None:
        """Hold the next chunk of a log of which none is held."""
        key = (prepared.chunk.source, prepared.chunk.file)
        assert key not in self._held, "the chunk before it would be lost"
        self._held[key] = _Held(prepared, cursor_at, self._monotonic())

    def drop(self, source: str) -> None:
        """Forget what is held of a source: it is read again from what was committed."""
        self._held = {key: held for key, held in self._held.items() if key[0] != source}
        self._reached = {key: moment for key, moment in self._reached.items() if key[0] != source}

    def take(self, awaited: Collection[Log] = ()) -> Turn:
        """Give what comes next; at least one log of those that are held behind the others is given whole.

        `awaited` are logs that have more which cannot be given yet: until they do, or patience ends, nothing is given
        that is later than what they have given, so perhaps nothing at all.
        """
        frontier = self._frontier(awaited)
        now, parts, expected = self._monotonic(), [], frontier
        for key, held in sorted(self._held.items(), key=lambda item: (item[0][1], item[0][0])):
            head, tail = self._cut(held, frontier, now)
            if head is not None:
                parts.append(head)
                self._note_reached(key, head)
            if tail is None:
                del self._held[key]
            else:
                held.prepared = tail
        return Turn(tuple(parts), expected)

    def _note_reached(self, log: Log, part: Prepared) -> None:
        if len(part.order):
            self._reached[log] = int(part.order[-1])

    def _frontier(self, awaited: Collection[Log]) -> int | None:
        """Tell the moment that every log which has more waiting has reached; None where no log has."""
        reached = [self._reached.get(log, _NOTHING_YET) for log in awaited if log not in self._held]
        for log, held in self._held.items():
            reached += self._reached_by(log, held.prepared)
        return min(reached, default=None)

    def _reached_by(self, log: Log, prepared: Prepared) -> list[int]:
        """Tell how far a log of which a chunk is held has come, where more waits behind the chunk."""
        if not prepared.chunk.backlog:
            return []
        if len(prepared.order):
            return [int(prepared.order[-1])]
        # Lines that are no events tell nothing; where only the position is new, its lines come with the next chunk.
        return [] if prepared.size else [self._reached.get(log, _NOTHING_YET)]

    def _cut(self, held: _Held, frontier: int | None, now: float) -> tuple[Prepared | None, Prepared | None]:
        prepared = held.prepared
        is_impatient = self._patience is not None and now - held.since >= self._patience
        if frontier is None or is_impatient:
            return prepared, None
        position = prepared.upto(frontier)
        if position >= prepared.chunk.first_position + prepared.size:
            return prepared, None
        if position <= prepared.chunk.first_position:
            return None, prepared
        return prepared.cut(position, held.cursor_at)
