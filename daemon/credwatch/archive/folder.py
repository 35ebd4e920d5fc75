"""The files of the archive: what their names say, and how one takes its place whole or not at all.

    segments/000000000001-000000000420.parquet   the events of batches 1 to 420, as they came
    2026-11-27.000000000420.parquet              the events of that day, UTC, of all batches up to 420

So the names alone say which events are where: of a segment, a day's file has what is numbered up to its own number.
Files are written beside their name, brought to the disk, and renamed; whatever dies in between leaves either the file
from before or the one from after. Nobody else may read them (0600).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from errno import ENOSPC
from functools import lru_cache
from pathlib import Path

import polars as pl
from msgspec import Struct

from credwatch.kernel.errors import CredwatchError

_SEGMENT = re.compile(r"(\d{12})-(\d{12})\.parquet")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)\.(\d{12})\.parquet")
_UNFINISHED = ".new"
_LEAST_FREE = 65_536


class ArchiveError(CredwatchError):
    """The archive's folder cannot be read or written now."""


class Segment(Struct, frozen=True, order=True):
    """Events of some batches that have not come to their days yet."""

    first: int
    """The number of the first batch."""
    last: int
    """The number of the last."""
    path: Path
    """The file."""


class DayFile(Struct, frozen=True, order=True):
    """The events of a day."""

    day: date
    """The day, UTC."""
    upto: int
    """The number of the last batch that it has events of, or would have."""
    path: Path
    """The file."""


class ArchiveFolder:
    """Names, lists and writes the files of one archive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """The folder."""
        self._segments = path / "segments"

    def prepare(self) -> None:
        """Make the folders, and clear away what was not finished; raises ArchiveError."""
        with self._told("make it, or the folder it lies in, writable for the daemon"):
            for folder in (self.path, self._segments):
                folder.mkdir(mode=0o700, exist_ok=True)
                for path in folder.glob(f"*{_UNFINISHED}"):
                    path.unlink(missing_ok=True)

    def segments(self) -> list[Segment]:
        """List the segments in their order; raises ArchiveError."""
        named = ((_SEGMENT.fullmatch(path.name), path) for path in self._listed(self._segments))
        return sorted(Segment(int(it[1]), int(it[2]), path) for it, path in named if it)

    def days(self) -> dict[date, DayFile]:
        """List the file of each day, the one with the highest number where an old one is still there."""
        return {file.day: file for file in self.day_files()}

    def day_files(self) -> list[DayFile]:
        """List every file of a day, also the old one of a day that has just got a new one."""
        named = ((_DAY.fullmatch(path.name), path) for path in self._listed(self.path))
        return sorted(DayFile(date.fromisoformat(it[1]), int(it[2]), path) for it, path in named if it)

    def latest(self) -> int:
        """Tell the number of the last batch that the files have; 0 where they have none."""
        numbers = [*(segment.last for segment in self.segments()), *(file.upto for file in self.day_files())]
        return max(numbers, default=0)

    def size(self) -> int:
        """Tell how many bytes the files take."""
        files = [*(segment.path for segment in self.segments()), *(file.path for file in self.day_files())]
        total = 0
        for path in files:
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def rows(self) -> int:
        """Count the events in the files; raises ArchiveError."""
        files = [*(segment.path for segment in self.segments()), *(file.path for file in self.days().values())]
        with self._told("put the file back from a backup, or move it away"):
            return sum(_rows(path, path.stat().st_ino) for path in files)

    def segment_path(self, first: int, last: int) -> Path:
        """Name a segment."""
        return self._segments / f"{first:012}-{last:012}.parquet"

    def day_path(self, day: date, upto: int) -> Path:
        """Name the file of a day."""
        return self.path / f"{day.isoformat()}.{upto:012}.parquet"

    def part_path(self, day: date, number: int) -> Path:
        """Name a part of a file that is being made; it goes with whatever is unfinished."""
        return self.path / f"{day.isoformat()}-{number}{_UNFINISHED}"

    def put(self, path: Path, write: Callable[[Path], object]) -> None:
        """Have a file written and give it its name once it is on the disk; raises ArchiveError, and leaves nothing."""
        unfinished = path.with_name(path.name + _UNFINISHED)
        with self._told("make room, or make the folder writable for the daemon"):
            try:
                os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
                write(unfinished)
                with unfinished.open("rb") as file:
                    os.fsync(file.fileno())
                unfinished.replace(path)
                _sync(path.parent)
            except BaseException:
                with suppress(OSError):
                    unfinished.unlink()
                raise

    def remove(self, *paths: Path) -> None:
        """Delete files that may be gone already; raises ArchiveError."""
        with self._told("make it writable for the daemon"):
            for path in paths:
                path.unlink(missing_ok=True)

    def _listed(self, folder: Path) -> list[Path]:
        if not folder.exists():
            return []
        with self._told("let whoever asks read it"):
            return [*folder.iterdir()]

    @contextmanager
    def _told(self, hint: str) -> Iterator[None]:
        """Turn what the system or Polars says into an error of ours."""
        try:
            yield
        except OSError as error:
            raise ArchiveError(f"the archive: {error.strerror or error}", where=str(self.path), hint=hint) from error
        except pl.exceptions.PolarsError as error:
            why = os.strerror(ENOSPC) if self._is_full() else str(error)  # of which Polars tells in many ways
            raise ArchiveError(f"the archive: {why}", where=str(self.path), hint=hint) from error

    def _is_full(self) -> bool:
        return self.path.exists() and shutil.disk_usage(self.path).free < _LEAST_FREE


@lru_cache(maxsize=4096)
def _rows(path: Path, _inode: int) -> int:
    """Count the events of a file; a file that is written anew is another one."""
    rows: int = pl.scan_parquet(path).select(pl.len()).collect().item()
    return rows


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
