"""Reads the archive while it is being written: the files as they are named at one moment, and what waits in the store.

What waits was read before the files are listed. So an event that moves meanwhile is found in one of the two places,
and by its number in one only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time
from functools import lru_cache, reduce
from itertools import groupby
from operator import or_
from pathlib import Path

import polars as pl
from msgspec import Struct

from credwatch.archive.days import day_of, within
from credwatch.archive.folder import ArchiveError, ArchiveFolder, DayFile, Segment
from credwatch.archive.form import BATCH, SCHEMA, TIME

_TRIES = 10


class Span(Struct, frozen=True):
    """A time; what happened at its end belongs to it."""

    since: datetime | None = None
    """Its beginning; None for the first event."""
    until: datetime | None = None
    """Its end; None for the last event."""

    def holds(self, day: date) -> bool:
        """Say whether it overlaps a day."""
        return (self.since is None or day_of(self.since) <= day) and (self.until is None or day <= day_of(self.until))

    def tests(self) -> list[pl.Expr]:
        """Say which events it has: those that pass each of these tests."""
        since = [pl.col(TIME) >= self.since] if self.since is not None else []
        return since + ([pl.col(TIME) <= self.until] if self.until is not None else [])


_NEVER = Span(datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))


class ArchivedRows(Struct, frozen=True, eq=False):
    """Events that have the same columns."""

    columns: frozenset[str]
    """The columns; what else the schema has is null."""
    frame: pl.LazyFrame
    """The events, with all columns of the schema."""


Waiting = Callable[[], Iterator[pl.DataFrame]]
"""Gives the events that wait in the store, some at a time, with the number of their batch in BATCH."""
Choice = Callable[[ArchivedRows], Iterable[pl.DataFrame]]
"""Chooses some of some events; may be asked again about the same ones."""


class ArchiveReader:
    """Gives the events of one archive, with those that have not come to it yet."""

    def __init__(self, folder: ArchiveFolder, waiting: Waiting = lambda: iter(())) -> None:
        self._folder = folder
        self._waiting = waiting

    def chosen(self, span: Span, choose: Choice) -> list[pl.DataFrame]:
        """Return what is chosen of the events of a time; the days at its ends are offered as a whole.

        Raises ArchiveError and StoreError.
        """
        waiting = [some for frame in self._waiting() for some in choose(_at_hand(frame))]
        for _ in range(_TRIES):
            try:
                return [*self._behind_files(waiting), *self._of_files(span, choose)]
            except FileNotFoundError:
                continue
            except (OSError, pl.exceptions.PolarsError) as error:
                raise self._unreadable(str(error)) from error
        raise self._unreadable("its files change faster than they can be read")

    def bounds(self) -> tuple[datetime, datetime] | None:
        """Say when the first and the last event may have been; None where there is none. Raises as `chosen` does."""
        days = sorted(self._folder.days())
        moments = [moment for day in (*days[:1], *days[-1:]) for moment in _ends_of(day)]
        ends = [pl.col(TIME).min().alias("first"), pl.col(TIME).max().alias("last")]
        for frame in self.chosen(_NEVER, lambda rows: [rows.frame.select(ends).collect()]):
            moments += [moment for moment in frame.row(0)[:2] if moment is not None]
        return (min(moments), max(moments)) if moments else None

    def _behind_files(self, waiting: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Give what waited, but for what has moved since: the files are looked at later, and have it."""
        latest = self._folder.latest()
        for frame in waiting:
            yield frame.filter(pl.col(BATCH) > latest).drop(BATCH) if BATCH in frame.columns else frame

    def _of_files(self, span: Span, choose: Choice) -> Iterator[pl.DataFrame]:
        segments, days = self._folder.segments(), self._folder.days()
        for done, some in groupby(segments, key=lambda segment: _done(segment, days.values())):
            for rows in _scanned(segment.path for segment in some):
                rest = rows.frame.filter(~reduce(or_, map(within, done))) if done else rows.frame
                yield from choose(ArchivedRows(rows.columns, rest))
        for rows in _scanned(file.path for day, file in days.items() if span.holds(day)):
            yield from choose(rows)

    def _unreadable(self, why: str) -> ArchiveError:
        hint = "let whoever asks read it; a file that is torn can be put back from a backup, or moved away"
        return ArchiveError(f"the archive cannot be read: {why}", where=str(self._folder.path), hint=hint)


def _done(segment: Segment, days: Iterable[DayFile]) -> list[date]:
    """Name the days that have the events of a segment already, while somebody is about to delete it."""
    return [file.day for file in days if file.upto >= segment.last]


def _scanned(files: Iterable[Path]) -> list[ArchivedRows]:
    """Scan files, those with the same columns together.

    A condition on a column that a file lacks would have Polars read all of it.
    """
    alike: dict[frozenset[str], list[Path]] = {}
    for path in files:
        alike.setdefault(_columns(path, path.stat().st_ino), []).append(path)
    return [
        ArchivedRows(
            columns,
            pl.scan_parquet(paths, schema=_full(columns), missing_columns="insert", extra_columns="ignore", glob=False),
        )
        for columns, paths in alike.items()
    ]


@lru_cache(maxsize=4096)
def _columns(path: Path, _inode: int) -> frozenset[str]:
    return frozenset(pl.read_parquet_schema(path))


def _full(columns: frozenset[str]) -> dict[str, pl.DataType]:
    return {name: dtype for name, dtype in SCHEMA.items() if name in columns or name == TIME}


def _at_hand(frame: pl.DataFrame) -> ArchivedRows:
    return ArchivedRows(frozenset(frame.columns), frame.lazy())


def _ends_of(day: date) -> tuple[datetime, datetime]:
    return datetime.combine(day, time.min, UTC), datetime.combine(day, time.max, UTC)
