"""Brings events from segments to the files of their days.

A day's file is a row of sorted pieces: each has so many events as `_PIECE`, sorted by account and time, in row groups
whose least and greatest account Parquet keeps. So a search for one account reads one group of each piece, and a piece
is all that is ever sorted in memory. New events join the last piece, which is the only one that is not full; all
pieces before it are copied as a stream.

A segment goes once all days have its events. Where that is interrupted, it is done again: a day's file that has the
segment already says so by its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import polars as pl

from credwatch.archive.folder import ArchiveFolder, DayFile, Segment
from credwatch.archive.form import ORDER, TIME, filled, together

_GROUP = 65_536
"""Fewer events a group make searches for accounts quicker, and files larger."""
_PIECE = 4 * _GROUP
_ACCOUNTS = ("user.name", "user.target.name")


def compact(folder: ArchiveFolder) -> list[date]:
    """Bring the events of all segments to their days, which are returned; raises ArchiveError."""
    segments = folder.segments()
    if not segments:
        return []
    days = _days_of(segments)
    for day in days:
        _bring(folder, day, segments)
    folder.remove(*(segment.path for segment in segments))
    return days


def day_of(moment: datetime) -> date:
    """Say to which day's file a moment belongs."""
    return moment.astimezone(UTC).date()


def within(day: date) -> pl.Expr:
    """Say which events are of a day."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return pl.col(TIME).is_between(begin, begin + timedelta(days=1), closed="left")


def sorted_for_search(rows: pl.DataFrame) -> pl.DataFrame:
    """Sort the events of a piece."""
    keys = [name for name in (*_ACCOUNTS, *ORDER) if name in rows.columns]
    return rows.sort(keys, nulls_last=True, maintain_order=True)


def write(rows: pl.LazyFrame, path: Path) -> None:
    """Write the file of a day, as a stream; rows keep their order."""
    rows.sink_parquet(path, compression="zstd", compression_level=3, statistics=True, row_group_size=_GROUP)


def _days_of(segments: Iterable[Segment]) -> list[date]:
    days: set[date] = set()
    for segment in segments:
        days |= set(pl.scan_parquet(segment.path).select(pl.col(TIME).dt.date().unique()).collect().to_series())
    return sorted(days)


def _bring(folder: ArchiveFolder, day: date, segments: Sequence[Segment]) -> None:
    """Write the file of a day anew, with what segments have of it beyond its number, and delete the one before."""
    old = folder.days().get(day)
    upto = segments[-1].last
    if old is not None and old.upto >= upto:
        return
    new = [segment for segment in segments if old is None or segment.last > old.upto]
    full = _full_rows(old)
    parts: list[Path] = []
    try:
        for number, piece in enumerate(_pieces(_tail(old, full), new, day)):
            parts.append(folder.part_path(day, number))
            rows = filled(sorted_for_search(piece)).lazy()
            folder.put(parts[-1], partial(write, rows))
        sources = [pl.scan_parquet(part) for part in parts]
        if old is not None and full:
            sources.insert(0, pl.scan_parquet(old.path).head(full))
        whole = pl.concat(sources, how="diagonal")
        folder.put(folder.day_path(day, upto), partial(write, whole))
    finally:
        folder.remove(*parts)
    folder.remove(*(file.path for file in folder.day_files() if file.day == day and file.upto < upto))


def _full_rows(old: DayFile | None) -> int:
    """Say how many events stand in full pieces."""
    if old is None:
        return 0
    rows: int = pl.scan_parquet(old.path).select(pl.len()).collect().item()
    return rows - rows % _PIECE


def _tail(old: DayFile | None, full: int) -> list[pl.DataFrame]:
    """Read the piece that is not full."""
    if old is None:
        return []
    tail = pl.scan_parquet(old.path).slice(full).collect()
    return [tail] if tail.height else []


def _pieces(tail: list[pl.DataFrame], segments: Iterable[Segment], day: date) -> Iterator[pl.DataFrame]:
    """Give the events of a day in pieces, all full but the last."""
    held, height = [*tail], sum(frame.height for frame in tail)
    for segment in segments:
        frame = pl.scan_parquet(segment.path).filter(within(day)).collect()
        if not frame.height:
            continue
        held.append(frame)
        height += frame.height
        while height >= _PIECE:
            rows = together(held)
            yield rows.head(_PIECE)
            held, height = [rows.slice(_PIECE)], height - _PIECE
    if height:
        yield together(held)
