"""Keeps the files of cases: each under its SHA-256 in the state directory, readable by the daemon's user alone."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from credwatch.app.settings import Settings
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.legible import in_a_log
from credwatch.kernel.report import ReportFile
from credwatch.store.cases import case_entries
from credwatch.store.database import Database

_LONGEST_NAME = 120
_DAY = timedelta(days=1)
_FOLDER = "case-files"
_SAFE = re.compile(r"[^\w.-]|^\.+")
"""What no name in an archive has: whoever unpacks it gets the file where it belongs."""


def folder_of(settings: Settings, number: str) -> Path:
    """Name the folder that has those of one case."""
    return settings.daemon.state_directory / _FOLDER / number


def reports_folder(settings: Settings) -> Path:
    """Name the folder that has those of all reports and mails."""
    return settings.daemon.state_directory / "reports"


def keep(settings: Settings, number: str, name: str, media_type: str, content: bytes) -> ReportFile:
    """Keep a file; one that is there already stays. Raises CredwatchError where it cannot be written."""
    folder = folder_of(settings, number)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    return keep_in(folder, name, media_type, content)


def keep_in(folder: Path, name: str, media_type: str, content: bytes) -> ReportFile:
    """Keep a file in a folder that is made where it is missing; CredwatchError where it cannot be written."""
    folder.mkdir(mode=0o700, exist_ok=True)
    sha256 = hashlib.sha256(content).hexdigest()
    _write(folder / sha256, content)
    return ReportFile(in_a_log(name)[:_LONGEST_NAME], in_a_log(media_type)[:_LONGEST_NAME], len(content), sha256)


def _write(path: Path, content: bytes) -> None:
    """Write a file that is whole, and on the disk, once it has its name; one that is there already stays."""
    if path.exists():
        return
    unfinished = path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        hint = "is the disk full? Nothing of it was kept"
        raise CredwatchError(f"cannot be written: {error.strerror}", where=str(path.parent), hint=hint) from error


def forget_unnamed(settings: Settings, database: Database, now: datetime) -> None:
    """Delete the files that no case names any more, such as those of cases whose time is over.

    One that is younger than a day stays, for it is kept before its case names it.
    """
    before = (now - _DAY).timestamp()
    for folder in (settings.daemon.state_directory / _FOLDER).glob("*"):
        with database.reading() as connection:
            entries = case_entries.entries_of(connection, folder.name)
        named = {file.sha256 for entry in entries for file in entry.files}
        for path in folder.iterdir():
            if path.name not in named and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
        with suppress(OSError):  # it has files yet
            folder.rmdir()


def read_kept(
    settings: Settings, number: str, files: Iterable[Mapping[str, Any]], below: str
) -> Iterator[tuple[str, bytes]]:
    """Give kept files, each under a folder, the start of its SHA-256 and its name; what is gone is left out.

    Files are ReportFiles as JSON values. A file that came with a report or a mail is kept with those.
    """
    for file in files:
        for folder in (folder_of(settings, number), reports_folder(settings)):
            if (path := folder / file["sha256"]).is_file():
                yield f"{below}/{file['sha256'][:12]}-{_SAFE.sub('_', file['name'])}", path.read_bytes()
                break
