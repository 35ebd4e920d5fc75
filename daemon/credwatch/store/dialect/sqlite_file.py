"""The file of a SQLite store: how it is made whole, kept from others, and copied before an upgrade."""

from __future__ import annotations

import fcntl
import glob
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from credwatch.kernel.errors import StoreError
from credwatch.store.versions import newest

MODE = 0o600
"""Nobody else reads it; SQLite gives the files beside it the same mode."""
_FILES = ("", "-wal", "-shm", "-journal")
_FOLDER_HINT = "check free space and permissions of its folder"


class StoreFile:
    """One path that a store is or will be at; each method raises StoreError."""

    def __init__(self, path: str) -> None:
        self._path = path

    def is_there(self) -> bool:
        """Say whether a file is there; refuses what cannot be a store, and keeps others from reading one that is."""
        path = Path(self._path)
        if path.is_symlink() and not path.exists():
            hint = "mount or make what it points to, or remove the link"
            raise StoreError("is a link that leads to nothing", where=self._path, hint=hint)
        if not path.exists():
            return False
        if not path.is_file():
            hint = "daemon.state_directory must name a folder of its own"
            raise StoreError("is no file", where=self._path, hint=hint)
        status = path.stat()
        if not status.st_size:
            hint = "put back a copy of it; or, to begin anew and forget all that was known, delete it"
            raise StoreError("is empty: what it held is lost", where=self._path, hint=hint)
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            path.chmod(MODE)
        return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for whoever migrates now: one whose daemon was killed goes on, and would share our files."""
        try:
            lock = os.open(f"{self._path}.migrating", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
        except OSError as error:
            raise self._not_made(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def make(self, fill: Callable[[Path], None]) -> None:
        """Have a store made beside its place, in an empty file, then put it there."""
        new = Path(f"{self._path}.new")
        try:
            for ending in _FILES[1:]:
                # What a store that was deleted has left would be written into the new one as if it were its own.
                Path(f"{self._path}{ending}").unlink(missing_ok=True)
            for ending in _FILES:
                Path(f"{new}{ending}").unlink(missing_ok=True)
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
            fill(new)
            os.replace(new, self._path)  # noqa: PTH105
        except OSError as error:
            raise self._not_made(error) from error

    def copy(self) -> None:
        """Keep what is there beside it, until the next upgrade: should the new version fail, nothing is lost."""
        copy = Path(f"{self._path}.before-{newest()}")
        try:
            unfinished = Path(f"{self._path}.copying")
            unfinished.unlink(missing_ok=True)
            os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
            with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(unfinished)) as target:
                source.backup(target)
            os.replace(unfinished, copy)  # noqa: PTH105
            for older in copy.parent.glob(f"{glob.escape(Path(self._path).name)}.before-*"):
                if older != copy:
                    older.unlink()
        except (OSError, sqlite3.Error) as error:
            hint = "an upgrade needs as much free space beside the store as the store takes"
            raise StoreError(f"cannot be copied before its upgrade: {error}", where=self._path, hint=hint) from error

    @contextmanager
    def broken_off_told(self) -> Iterator[None]:
        """Say it where part of an upgrade is there already: older versions did not make it in one transaction."""
        try:
            yield
        except StoreError as error:
            if not re.search("already exists|duplicate column|no such (table|column|index)", error.message):
                raise
            hint = "put back a backup of it from before that upgrade, or ask for help with a copy of the file"
            message = f"an older version was ended in the middle of its upgrade: {error.message}"
            raise StoreError(message, where=self._path, hint=hint) from error

    def let_shrink(self, engine: Engine) -> None:
        """Have a store of an older version give back what is deleted from it.

        SQLite writes it anew, whole or not at all, and here nobody else has it open yet. Where there is no room, free
        pages are used again, but the file keeps its size.
        """
        with suppress(SQLAlchemyError), engine.connect() as connection:
            if not connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one():
                connection.exec_driver_sql("PRAGMA auto_vacuum=INCREMENTAL")
                connection.exec_driver_sql("VACUUM")

    def _not_made(self, error: OSError) -> StoreError:
        return StoreError(f"cannot be made: {error.strerror or error}", where=self._path, hint=_FOLDER_HINT)
