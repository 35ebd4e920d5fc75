"""Files that are gone for good are told from those that rotation, or an absent disk, has only put away."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from credwatch.sources.file.gone import gone_files
from unit.sources.followed import Reader, a_file_source, append

THEN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = THEN + timedelta(days=31)


def cursors_of(*logs: Path) -> dict[str, Any]:
    """Read logs that were written last at `THEN`, and return their cursors."""
    for log in logs:
        log.parent.mkdir(exist_ok=True)
        append(log, f"{log.name}\n")
        os.utime(log, (THEN.timestamp(), THEN.timestamp()))
    reader = Reader(a_file_source(*logs))
    reader.drain()
    reader.source.close()
    assert {str(log) for log in logs} == set(reader.cursors)
    return reader.cursors


def test_a_deleted_log_is_gone_after_its_time(tmp_path: Path) -> None:
    """The log of a container that is no more is named once it is old, also where its folder went with it."""
    stays, gone = tmp_path / "stays.log", tmp_path / "pod" / "gone.log"
    cursors = cursors_of(stays, gone)
    gone.unlink()
    gone.parent.rmdir()
    assert [] == gone_files(cursors, before=THEN)
    assert [str(gone)] == gone_files(cursors, before=LATER)


def test_a_rotated_log_is_not_gone(tmp_path: Path) -> None:
    """Between a rotation and the next line there is no file at the path, but its lines are there."""
    cursors = cursors_of(tmp_path / "stays.log", tmp_path / "auth.log")
    (tmp_path / "auth.log").rename(tmp_path / "auth.log.1")
    assert [] == gone_files(cursors, before=LATER)


def test_where_nothing_is_there_the_disk_may_be_away(tmp_path: Path) -> None:
    """Files of a disk that is not mounted are not read again from their start when it comes back."""
    log = tmp_path / "auth.log"
    cursors = cursors_of(log)
    log.unlink()
    assert [] == gone_files(cursors, before=LATER)


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    """A place in the journal, or a cursor of another kind, is never named."""
    cursors = cursors_of(tmp_path / "stays.log") | {"journal": {"entry": "s=1"}}
    assert [] == gone_files(cursors, before=LATER)
