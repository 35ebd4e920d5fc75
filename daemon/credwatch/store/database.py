"""Opens the store and brings it to the present schema."""

from __future__ import annotations

import fcntl
import glob
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import SQLAlchemyError

from credwatch.kernel.errors import StoreError
from credwatch.store.connections import open_engine, store_error

metadata = MetaData()
"""Every table of the store; each table family adds its own in its own file."""

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_MODE = 0o600
"""Nobody else reads it; SQLite gives the files beside it the same mode."""
_FILES = ("", "-wal", "-shm", "-journal")
_LAST_IN_PIECES = "0008"
"""The newest schema of versions that made and upgraded stores statement by statement."""
_FOREIGN_HINT = "put back a copy of the store; or, to begin anew and forget all that was known, delete it"


class Database:
    """The store: short transactions on one SQLite file, in WAL mode where it is durable.

    `writing` and `reading` give a connection inside a transaction; leaving the block commits, an exception rolls
    back. Driver errors become StoreError, so callers know nothing of SQL. Safe to use from several threads, each
    with its own block.
    """

    def __init__(self, path: Path | str, *, durable: bool = True) -> None:
        """Open the file; `durable=False` is for one that is thrown away.

        Nobody may read that one beside its writer, and a transaction of it that fails is not taken back.
        """
        self.path = str(path)
        self.engine = open_engine(self.path, durable)

    def migrate(self) -> None:
        """Bring the schema to the newest version, or make the store; may be called on every start.

        All of it is one transaction, behind a copy of what was there: whenever the process dies, the store is what it
        was, or what it should be. A new store gets its name once it is whole, so a file of that name without any
        content is one that was lost, and is never taken for a new one.
        """
        if self.is_current():
            return
        with self._alone():
            if self.is_current():
                return  # by a process that was before us
            if not Path(self.path).exists() or self._is_half_made():
                self._make()
            else:
                self._copy()
                self._upgrade()
                self._let_shrink()

    def _is_half_made(self) -> bool:
        """Say whether it is a store that never began: an older version was killed while it made the tables.

        That version is not noted, or is the first of several that were made in a row, and no table has a row.
        """
        at = "SELECT version_num FROM alembic_version"
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version'"
        with self.reading() as connection:
            if (connection.exec_driver_sql(at).scalar() or "") > _LAST_IN_PIECES:
                return False
            tables = list(connection.exec_driver_sql(names).scalars())
            rows = (f'SELECT 1 FROM "{name}" LIMIT 1' for name in tables)  # noqa: S608  # names of its own
            return not any(connection.exec_driver_sql(row).first() for row in rows)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait for whoever migrates now: one whose daemon was killed goes on, and would share our files."""
        try:
            lock = os.open(f"{self.path}.migrating", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
        except OSError as error:
            hint = "check free space and permissions of its folder"
            raise StoreError(f"cannot be made: {error.strerror or error}", where=self.path, hint=hint) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _make(self) -> None:
        """Make a store beside its place, then put it there."""
        self.engine.dispose()  # connections stay with the file that they have opened
        new = Path(f"{self.path}.new")
        for ending in _FILES[1:]:
            # What a store that was deleted has left would be written into the new one as if it were its own.
            Path(f"{self.path}{ending}").unlink(missing_ok=True)
        for ending in _FILES:
            Path(f"{new}{ending}").unlink(missing_ok=True)
        try:
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))
            made = Database(new)
            made._upgrade()
            made.close()  # the last connection folds the write-ahead log into the file
            os.replace(new, self.path)  # noqa: PTH105
        except OSError as error:
            hint = "check free space and permissions of its folder"
            raise StoreError(f"cannot be made: {error.strerror or error}", where=self.path, hint=hint) from error

    def _upgrade(self) -> None:
        # A store that is up to date never loads the migration library: a daemon need not carry it for life.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with self._broken_off_told(), self.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def _broken_off_told(self) -> Iterator[None]:
        """Say it where part of an upgrade is there already: older versions did not make it in one transaction."""
        try:
            yield
        except StoreError as error:
            if not re.search("already exists|duplicate column|no such (table|column|index)", error.message):
                raise
            hint = "put back a backup of it from before that upgrade, or ask for help with a copy of the file"
            message = f"an older version was ended in the middle of its upgrade: {error.message}"
            raise StoreError(message, where=self.path, hint=hint) from error

    def _let_shrink(self) -> None:
        """Have a store of an older version give back what is deleted from it.

        SQLite writes it anew, whole or not at all, and here nobody else has it open yet. Where there is no room, free
        pages are used again, but the file keeps its size.
        """
        with suppress(SQLAlchemyError), self.engine.connect() as connection:
            if not connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one():
                connection.exec_driver_sql("PRAGMA auto_vacuum=INCREMENTAL")
                connection.exec_driver_sql("VACUUM")

    def _copy(self) -> None:
        """Keep what is there beside it, until the next upgrade: should the new version fail, nothing is lost."""
        copy = Path(f"{self.path}.before-{_newest()}")
        try:
            unfinished = Path(f"{self.path}.copying")
            unfinished.unlink(missing_ok=True)
            os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))
            with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(unfinished)) as target:
                source.backup(target)
            os.replace(unfinished, copy)  # noqa: PTH105
            for older in copy.parent.glob(f"{glob.escape(Path(self.path).name)}.before-*"):
                if older != copy:
                    older.unlink()
        except (OSError, sqlite3.Error) as error:
            hint = "an upgrade needs as much free space beside the store as the store takes"
            raise StoreError(f"cannot be copied before its upgrade: {error}", where=self.path, hint=hint) from error

    def create(self) -> None:
        """Make every table that has been declared, at once and without a version: for stores that are thrown away."""
        Path(self.path).touch(_MODE)
        try:
            metadata.create_all(self.engine)
        except SQLAlchemyError as error:
            raise store_error(self.path, error) from error

    def is_current(self) -> bool:
        """Say whether the schema is at the newest version."""
        self._check_file()
        if not Path(self.path).exists():
            return False
        try:
            with self.engine.connect() as connection:
                tables = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
                if not connection.exec_driver_sql(tables).scalar():
                    raise StoreError("is no store of credwatch", where=self.path, hint=_FOREIGN_HINT)
                at = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        except SQLAlchemyError as error:
            raise store_error(self.path, error) from error
        if at is not None and at not in _revisions() and at <= _newest():
            raise StoreError(f"its schema ({at}) is not known", where=self.path, hint=_FOREIGN_HINT)
        if at is not None and at > _newest():
            hint = "install that version again, or take the copy that was made before the upgrade (`*.before-*`)"
            raise StoreError(f"a newer version of credwatch has made it (schema {at})", where=self.path, hint=hint)
        return bool(at == _newest())

    def _check_file(self) -> None:
        """Refuse what cannot be a store; keep others from reading one that is."""
        path = Path(self.path)
        if path.is_symlink() and not path.exists():
            hint = "mount or make what it points to, or remove the link"
            raise StoreError("is a link that leads to nothing", where=self.path, hint=hint)
        if not path.exists():
            return
        if not path.is_file():
            raise StoreError("is no file", where=self.path, hint="daemon.state_directory must name a folder of its own")
        status = path.stat()
        if not status.st_size:
            hint = "put back a copy of it; or, to begin anew and forget all that was known, delete it"
            raise StoreError("is empty: what it held is lost", where=self.path, hint=hint)
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            path.chmod(_MODE)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose transaction holds the write lock from its start."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    # A full disk makes SQLite roll back by itself, and there is nothing left to roll back.
                    with suppress(SQLAlchemyError):
                        connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
        except SQLAlchemyError as error:
            raise store_error(self.path, error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent state."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("BEGIN")
                try:
                    yield connection
                finally:
                    connection.exec_driver_sql("ROLLBACK")
        except SQLAlchemyError as error:
            raise store_error(self.path, error) from error

    def tidy(self) -> None:
        """Fold the write-ahead log into the file and refresh what the query planner knows; raises StoreError."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA optimize")  # which writes itself
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        except SQLAlchemyError as error:
            raise store_error(self.path, error) from error

    def give_back(self) -> None:
        """Give up to eight megabytes of free pages back to the disk; raises StoreError."""
        try:
            with self.engine.connect() as connection, closing(connection.connection.cursor()) as cursor:
                # A page goes with each step of the statement; of what the driver has, this alone goes all the way.
                cursor.executescript("PRAGMA incremental_vacuum(2000)")
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise store_error(self.path, error) from error

    def close(self) -> None:
        """Close every connection; the database may not be used afterwards."""
        self.engine.dispose()


def _revisions() -> set[str]:
    return {path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")}


def _newest() -> str:
    return max(_revisions())


def many(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    """Run a statement for many rows; thousands a second under attack, so straight through the driver."""
    if rows:
        connection.exec_driver_sql(statement, rows)
