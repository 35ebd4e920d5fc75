"""A chunk of lines as far as it can be carried without knowing what came before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import numpy as np
import polars as pl
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from credwatch.parse.parse import Parsed
from credwatch.parse.stamps.ahead import STATED
from credwatch.sources.interface import Chunk, Cursor

_AROUND = 5
"""Among so many neighbours a stamp that is not like them is passed over."""


class Prepared(Struct, frozen=True, eq=False):
    """The lines of a chunk, read into events; can be cut where a line begins."""

    chunk: Chunk
    """The chunk, without its bytes."""
    size: int
    """How many bytes it had."""
    positions: NDArray[np.int64]
    """Where each line ends, its newline included; where lines stand in pieces between each other, the last of them."""
    malformed: pl.DataFrame
    """`position` and `malformed` of the lines with bytes that no line should have."""
    unparsed: pl.DataFrame
    """`position`, `line` and `reason` of the lines that nothing read."""
    skips: pl.DataFrame
    """`position` and `pack` of the lines that are known as no event."""
    guesses: pl.DataFrame
    """`position` of the lines whose time is a guess."""
    unread: pl.DataFrame
    """`position`, `field` and `reason` of the values that could not be read."""
    events: pl.DataFrame
    """Its events, enriched, in the order of their lines."""
    order: NDArray[np.int64]
    """When each event takes its turn among those of other logs, microseconds; never falls."""
    seconds: float
    """How long the preparation took."""

    @classmethod
    def of(cls, chunk: Chunk, lines: pl.DataFrame, parsed: Parsed, events: pl.DataFrame, seconds: float) -> Prepared:
        """Put together what was made of a chunk's lines."""
        return cls(
            chunk=replace(chunk, data=b""),
            size=len(chunk.data),
            positions=lines["until"].to_numpy(),
            malformed=lines.select("position", "malformed").filter(pl.col("malformed").is_not_null()),
            unparsed=parsed.unparsed,
            skips=parsed.skips,
            guesses=parsed.guesses.to_frame("position"),
            unread=parsed.unread,
            events=events,
            order=turns(events),
            seconds=seconds,
        )

    @property
    def log(self) -> str:
        """Its name among all logs: a file belongs to its source."""
        return f"{self.chunk.source}\t{self.chunk.file}"

    def upto(self, moment: int) -> int:
        """Say where the line begins whose turn is the first after a moment; the end of the chunk for none."""
        number = int(np.searchsorted(self.order, moment, side="right"))
        if number == len(self.order):
            return self.chunk.first_position + self.size
        line = int(np.searchsorted(self.positions, self.events["position"][number]))
        return int(self.positions[line - 1]) if line else self.chunk.first_position

    def cut(self, position: int, cursor_at: Callable[[Chunk, int], Cursor]) -> tuple[Prepared, Prepared]:
        """Cut it before the line that begins at a position, which is not its first."""
        chunk, done = self.chunk, position - self.chunk.first_position
        rest = self.size - done
        head = replace(chunk, cursor=cursor_at(chunk, position), backlog=chunk.backlog + rest)
        tail = replace(chunk, first_position=position)
        ends = self.events["position"].to_numpy() if len(self.order) else np.empty(0, np.int64)
        number = int(np.searchsorted(ends, position, side="right"))
        return self._part(head, done, slice(0, number)), self._part(tail, rest, slice(number, None))

    def _part(self, chunk: Chunk, size: int, events: slice) -> Prepared:
        begin = chunk.first_position
        return replace(
            self,
            chunk=chunk,
            size=size,
            positions=self.positions[slice(*np.searchsorted(self.positions, (begin, begin + size), side="right"))],
            malformed=_within(self.malformed, begin, size),
            unparsed=_within(self.unparsed, begin, size),
            skips=_within(self.skips, begin, size),
            guesses=_within(self.guesses, begin, size),
            unread=_within(self.unread, begin, size),
            events=self.events[events],
            order=self.order[events],
            seconds=self.seconds * size / max(self.size, 1),
        )


class Counts(Struct, frozen=True):
    """What lines are, counted, and where they are from."""

    source: str
    """The source."""
    size: int
    """Bytes taken."""
    lines: int
    """Lines taken."""
    events: Counter[str]
    """Events by pack."""
    skipped: int
    """Lines known as no event."""
    unparsed: Counter[str]
    """Lines that nothing read, by reason."""
    malformed: Counter[str]
    """Lines with bytes no line should have, by reason."""
    ahead: int
    """Events that state a time ahead of the time of reading."""
    guessed: int
    """Lines whose time is a guess: nothing tells the year, or the pass of a repeated hour."""
    unread: Counter[tuple[str, str]]
    """Values that could not be read, by field and reason."""
    last_event_at: datetime | None
    """The event time of the last event; None where there is none."""
    received_at: datetime
    """When the lines were read."""
    backlog: int
    """Bytes that still wait in the file."""

    @classmethod
    def of(cls, prepared: Prepared) -> Counts:
        """Count the lines of a chunk."""
        events, chunk = prepared.events, prepared.chunk
        return cls(
            source=chunk.source,
            size=prepared.size,
            lines=len(prepared.positions),
            events=_counts(events, "event.dataset"),
            skipped=len(prepared.skips),
            unparsed=_counts(prepared.unparsed, "reason"),
            malformed=_counts(prepared.malformed, "malformed"),
            ahead=events[STATED].count() if STATED in events.columns else 0,
            guessed=len(prepared.guesses),
            unread=_unread_counts(prepared.unread),
            last_event_at=events["@timestamp"][-1] if events.height else None,
            received_at=chunk.received_at,
            backlog=chunk.backlog,
        )


def turns(events: pl.DataFrame) -> NDArray[np.int64]:
    """Say when each event of a log takes its turn among those of other logs: at its time, and in its log's order.

    A stamp unlike those around it moves nothing: the median of five neighbours stands for it. What is left of
    disorder is taken as a delay of the earlier stamp.
    """
    if not events.height:
        return np.empty(0, np.int64)
    times = events["@timestamp"].to_physical().to_numpy()
    if not (times[1:] < times[:-1]).any():
        return times
    if len(times) < _AROUND:
        return np.asarray(np.maximum.accumulate(times))
    windows = np.lib.stride_tricks.sliding_window_view(times, _AROUND)
    middle = np.median(windows, axis=1).astype(np.int64)
    half = _AROUND // 2
    smooth = np.concatenate([np.full(half, middle[0]), middle, np.full(half, middle[-1])])
    return np.asarray(np.maximum.accumulate(smooth))


def _within(frame: pl.DataFrame, begin: int, size: int) -> pl.DataFrame:
    return frame.filter(pl.col("position").is_between(begin, begin + size, closed="right"))


def _unread_counts(unread: pl.DataFrame) -> Counter[tuple[str, str]]:
    counts = unread.group_by("field", "reason").len().iter_rows() if unread.height else ()
    return Counter({(field, reason): count for field, reason, count in counts})


def _counts(frame: pl.DataFrame, column: str) -> Counter[str]:
    """Count the values of a column, nulls left out."""
    if not frame.height or column not in frame.columns:
        return Counter()
    values = frame.get_column(column).drop_nulls()
    return Counter(dict(values.value_counts().iter_rows()))
