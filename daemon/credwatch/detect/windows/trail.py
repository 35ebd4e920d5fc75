"""The trail: the latest lines behind the rows of windows, so that a detection can show what it counted.

Windows hold numbers, no lines, and let them go soon. The trail maps streams and groups to lines, with the time and the
account of each. It is bounded: of what lies too far back, the count is known and the lines are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from msgspec import Struct
from msgspec.msgpack import decode, encode
from numpy.typing import NDArray

from credwatch.detect.windows.event_time import moment
from credwatch.detect.windows.keys import mixed
from credwatch.detect.windows.streams import Stream, StreamBatch
from credwatch.kernel.detection import CountedLine

MOST = 20_000
"""So many lines are remembered."""
MOST_OF_A_BATCH = 2_000
"""So many of one batch, once it is over."""
_LONGEST = 2_000
"""Characters of one line."""
_RUNS = 64
"""So many batches are searched one by one before they are joined."""
_COLUMNS = ("credwatch.source.id", "file", "position", "@timestamp", "event.original")
_ENTRY = np.dtype([("group", "u8"), ("time", "i8"), ("user", "u8"), ("line", "i8")])
"""A row of a window: its stream and group, its time (microseconds), the hash of its account, and its line."""

Entries = NDArray[np.void]
"""Rows of dtype _ENTRY."""


class Traced(Struct, frozen=True, eq=False):
    """Rows that are still remembered, sorted by time, those of one moment as they came."""

    entries: Entries
    """The rows; `line` counts within the run."""
    run: NDArray[np.intp]
    """The run that each is of."""

    def where(self, chosen: NDArray[np.bool_]) -> Traced:
        """Give some of them."""
        return Traced(self.entries[chosen], self.run[chosen])


class _LineRun(Struct):
    """Some lines, in the order in which they came, and the rows they stand behind."""

    entries: Entries
    frame: pl.DataFrame
    """The lines: the columns _COLUMNS."""
    index: tuple[NDArray[np.uint64], NDArray[np.intp]] | None = None
    """The groups of the entries, sorted, and the entry that each is of; made when it is first asked for."""

    def of(self, groups: Sequence[int]) -> Entries:
        """Return the rows of groups: two searches for each, however many rows there are."""
        if self.index is None:
            order = np.argsort(self.entries["group"], kind="stable")
            self.index = self.entries["group"][order], order
        ranked, order = self.index
        numbers = np.array(groups, np.uint64)
        begin, end = np.searchsorted(ranked, numbers, "left"), np.searchsorted(ranked, numbers, "right")
        spans = [order[first:last] for first, last in zip(begin, end, strict=True) if first < last]
        return self.entries[np.sort(np.concatenate(spans))] if spans else _NOTHING

    def latest(self, most: int) -> _LineRun:
        """Keep the latest lines only."""
        gone = self.frame.height - most
        if gone <= 0:
            return self
        entries = self.entries[self.entries["line"] >= gone]
        entries["line"] -= gone
        return _LineRun(entries, self.frame[gone:])


_NOTHING = np.empty(0, _ENTRY)


class _StoredLines(Struct, frozen=True, array_like=True):
    """A run as the store keeps it."""

    entries: bytes
    columns: tuple[list[str | int], ...]
    """Those of _COLUMNS."""


class Trail:
    """Remembers lines; `take` is called with each batch before anything is asked, `settle` after."""

    def __init__(self) -> None:
        self._runs: list[_LineRun] = []
        self._new: _LineRun | None = None

    def take(self, batch: StreamBatch, streams: Iterable[tuple[int, Stream]]) -> None:
        """Take the lines behind the new rows of streams, each with its number."""
        some = [(number, stream.new) for number, stream in streams if len(stream.new.keys)]
        if not some:
            return
        used = np.unique(np.concatenate([view.event for _, view in some]))
        parts = []
        for number, view in some:
            part = np.empty(len(view.keys), _ENTRY)
            part["group"], part["time"] = groups_of(number, view.keys), view.times
            part["user"], part["line"] = view.columns.column("user"), np.searchsorted(used, view.event)
            parts.append(part)
        self._new = _LineRun(np.concatenate(parts), _lines(batch.events, used))

    def rows(self, groups: Sequence[int], since: int, until: int) -> Traced:
        """Return the rows of groups, as `groups_of` names them, from one moment to another, both included."""
        parts = [run.of(groups) for run in self._all()]
        entries = np.concatenate([_NOTHING, *parts])
        run = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        inside = np.flatnonzero((entries["time"] >= since) & (entries["time"] <= until))
        order = inside[np.argsort(entries["time"][inside], kind="stable")]
        return Traced(entries[order], run[order])

    def lines(self, traced: Traced) -> list[CountedLine]:
        """Return the lines behind rows, each once."""
        runs = self._all()
        places = dict.fromkeys(zip(traced.run.tolist(), traced.entries["line"].tolist(), strict=True))
        return [_line(runs[run].frame, line) for run, line in places]

    def settle(self) -> tuple[bytes, int]:
        """Make the batch's lines a part of what is remembered; return them for the store, and how many they are."""
        if self._new is None:
            return b"", 0
        new, self._new = self._new.latest(MOST_OF_A_BATCH), None
        self._keep(new)
        columns = tuple([column.to_list() for column in new.frame.iter_columns()])
        return encode(_StoredLines(new.entries.tobytes(), columns)), new.frame.height

    def restore(self, pieces: Sequence[bytes]) -> None:
        """Take back what `settle` handed out, in the order of storing."""
        for piece in pieces:
            stored = decode(piece, type=_StoredLines)
            frame = pl.DataFrame(dict(zip(_COLUMNS, stored.columns, strict=True)), schema=_SCHEMA)
            self._keep(_LineRun(np.frombuffer(stored.entries, _ENTRY).copy(), frame))

    def _all(self) -> list[_LineRun]:
        return [*self._runs, self._new] if self._new else self._runs

    def _keep(self, run: _LineRun) -> None:
        self._runs.append(run)
        if len(self._runs) > _RUNS or sum(run.frame.height for run in self._runs) > 2 * MOST:
            self._runs = [_joined(self._runs).latest(MOST)]


def groups_of(number: int, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Name groups of a numbered stream."""
    return mixed(keys, np.full(len(keys), number, np.uint64))


def _joined(runs: list[_LineRun]) -> _LineRun:
    begins = np.cumsum([0, *(run.frame.height for run in runs[:-1])])
    entries = np.concatenate([run.entries for run in runs])
    entries["line"] += np.repeat(begins, [len(run.entries) for run in runs])
    return _LineRun(entries, pl.concat([run.frame for run in runs], rechunk=True))


def _line(frame: pl.DataFrame, line: int) -> CountedLine:
    source, file, position, at, text = frame.row(line)
    return CountedLine(source, file, position, moment(at), text)


_SCHEMA = dict(zip(_COLUMNS, (pl.String, pl.String, pl.Int64, pl.Int64, pl.String), strict=True))


def _lines(events: pl.DataFrame, used: NDArray[np.intp]) -> pl.DataFrame:
    there = {name: events.get_column(name)[used] for name in _COLUMNS if name in events.columns}
    columns = [
        there.get(name, pl.Series(name, [None], _SCHEMA[name]).new_from_index(0, len(used))) for name in _COLUMNS
    ]
    return pl.DataFrame(columns).select(
        pl.col("credwatch.source.id").fill_null(""),
        pl.col("file").fill_null(""),
        pl.col("position").fill_null(0),
        pl.col("@timestamp").to_physical(),
        pl.col("event.original").fill_null("").str.slice(0, _LONGEST),
    )
