"""Names the files that are gone for good: a machine that runs containers makes and deletes thousands of logs a day."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from credwatch.kernel.errors import SourceError
from credwatch.sources.file.folders import Folders
from credwatch.sources.file.generations import Lineage, Mark
from credwatch.sources.file.mounts import remote_of
from credwatch.sources.interface import Cursor


def gone_files(cursors: Mapping[str, Cursor], *, before: datetime) -> list[str]:
    """Name the files of a source, by their cursors, of which nothing is left, last written before a moment.

    Where none of the source's files is there, its disk may be away: then none is named, and neither where a file system
    of another machine holds some, which may not answer. A file that comes back after
    its cursor was deleted is read from its start.
    """
    if remote_of(cursors):
        return []
    folders = Folders()
    absent = [file for file in cursors if not _is_there(Path(file), folders)]
    if len(absent) == len(cursors):
        return []
    limit = before.timestamp() * 1e9
    return [file for file in absent if _last_written(file, cursors[file]) < limit]


def _is_there(path: Path, folders: Folders) -> bool:
    """Tell whether the file or a rotated one of it is there, or may be."""
    if os.path.lexists(path):
        return True
    try:
        return bool(Lineage.of(path, folders).generations)
    except OSError:
        return True


def _last_written(file: str, cursor: Cursor) -> float:
    with contextlib.suppress(SourceError):
        return Mark.from_cursor(cursor, where=file).modified
    return float("inf")
