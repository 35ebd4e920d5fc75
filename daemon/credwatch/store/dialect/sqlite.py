"""Keeps the store in one SQLite file, in WAL mode where it is durable."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from credwatch.kernel.errors import StoreError
from credwatch.store.dialect.interface import Declared
from credwatch.store.dialect.sqlite_file import MODE, StoreFile
from credwatch.store.transactions import reading, writing
from credwatch.store.versions import FOREIGN_HINT, is_newest, upgrade

_BUSY_SECONDS = 8
"""How long to wait for another writer: a store that stays locked is told within ten seconds, and asked again."""
_CACHE_KIB = 8192
_LARGE_PAGE = 16384
_LAST_IN_PIECES = "0008"
"""The newest schema of versions that made and upgraded stores statement by statement."""
_BROKEN_HINT = (
    "stop the daemon and put back a copy of the store (a backup, or `*.before-*` of the last upgrade); or, to begin"
    " anew and forget all that was known, move it away with its -wal and -shm"
)


class SqliteDialect:
    """Keeps the contract of `Dialect` in a file.

    The lock of the state directory keeps other daemons from it, so there is nothing to claim.
    """

    def __init__(self, path: Path | str, *, durable: bool) -> None:
        """Open the file; `durable=False` is for one that is thrown away."""
        self.where = str(path)
        self.engine = _engine(self.where, durable)
        self._file = StoreFile(self.where)

    def begin_writing(self, connection: Connection) -> None:
        """Hold the write lock from the start."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def begin_reading(self, connection: Connection) -> None:
        """See what was committed when the first statement came."""
        connection.exec_driver_sql("BEGIN")

    def is_current(self) -> bool:
        """Say whether the file is a store of the newest schema."""
        if not self._file.is_there():
            return False
        try:
            with self.engine.connect() as connection:
                tables = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
                if not connection.exec_driver_sql(tables).scalar():
                    raise StoreError("is no store of credwatch", where=self.where, hint=FOREIGN_HINT)
                at = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        except SQLAlchemyError as error:
            raise self.error(error) from error
        return is_newest(at, self.where)

    def migrate(self, declared: Declared) -> None:  # noqa: ARG002  # files are made by all migrations in a row
        """Make or upgrade the file.

        All of it is one transaction, behind a copy of what was there: whenever the process dies, the store is what it
        was, or what it should be. A new store gets its name once it is whole, so a file of that name without any
        content is one that was lost, and is never taken for a new one.
        """
        with self._file.alone():
            if self.is_current():
                return  # by a process that was before us
            if not Path(self.where).exists() or self._is_half_made():
                self.engine.dispose()  # connections stay with the file that they have opened
                self._file.make(_made)
            else:
                self._file.copy()
                with self._file.broken_off_told(), writing(self) as connection:
                    upgrade(connection)
                self._file.let_shrink(self.engine)

    def _is_half_made(self) -> bool:
        """Say whether it is a store that never began: an older version was killed while it made the tables.

        That version is not noted, or is the first of several that were made in a row, and no table has a row.
        """
        at = "SELECT version_num FROM alembic_version"
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version'"
        with reading(self) as connection:
            if (connection.exec_driver_sql(at).scalar() or "") > _LAST_IN_PIECES:
                return False
            tables = list(connection.exec_driver_sql(names).scalars())
            rows = (f'SELECT 1 FROM "{name}" LIMIT 1' for name in tables)  # noqa: S608  # names of its own
            return not any(connection.exec_driver_sql(row).first() for row in rows)

    def create(self, declared: Declared) -> None:
        """Make every table at once and without a version: for stores that are thrown away."""
        Path(self.where).touch(MODE)
        try:
            declared().create_all(self.engine)
        except SQLAlchemyError as error:
            raise self.error(error) from error

    def claim(self) -> None:
        """Do nothing: whoever has the state directory has the file."""

    def tidy(self) -> None:
        """Fold the write-ahead log into the file and refresh what the query planner knows."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA optimize")  # which writes itself
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        except SQLAlchemyError as error:
            raise self.error(error) from error

    def give_back(self) -> None:
        """Give up to eight megabytes of free pages back to the disk."""
        try:
            with self.engine.connect() as connection, closing(connection.connection.cursor()) as cursor:
                # A page goes with each step of the statement; of what the driver has, this alone goes all the way.
                cursor.executescript("PRAGMA incremental_vacuum(2000)")
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self.error(error) from error

    def size(self, connection: Connection) -> int:
        """Tell how many bytes the file takes, its free pages included."""
        pages, page = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")
        )
        return int(pages) * int(page)

    def error(self, error: Exception) -> StoreError:
        """Say the driver's words only: SQLAlchemy's text would quote the values of the statement."""
        origin = getattr(error, "orig", None) or (error if isinstance(error, sqlite3.Error) else None)
        is_broken = getattr(origin, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        return StoreError(
            f"the store failed: {origin or type(error).__name__}",
            where=self.where,
            hint=_BROKEN_HINT if is_broken else "check free space, permissions and that no other daemon uses the file",
        )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _made(path: Path) -> None:
    """Make a store in an empty file."""
    dialect = SqliteDialect(path, durable=True)
    with writing(dialect) as connection:
        upgrade(connection)
    dialect.close()  # the last connection folds the write-ahead log into the file


def _engine(path: str, durable: bool) -> Engine:
    """Make what opens connections to the file, each prepared as the store needs it."""
    # A store is made by `migrate` alone: a command that only reads must leave no empty file.
    uri = f"file:{quote(path)}?mode={'rw' if durable else 'rwc'}"

    def opened() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False)

    engine = create_engine("sqlite://", creator=opened, poolclass=QueuePool)

    @event.listens_for(engine, "connect")
    def _prepare(connection: object, _record: object) -> None:
        # The driver's own transaction handling starts transactions too late; `writing` and `reading` begin them.
        # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable
        connection.isolation_level = None  # type: ignore[attr-defined]
        cursor = connection.cursor()  # type: ignore[attr-defined]
        if durable:
            if not cursor.execute("PRAGMA page_count").fetchone()[0]:
                # Heard by a file without content alone, so before WAL; of any other it would ask for the write lock.
                cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
            # A commit survives the death of the process in either mode; FULL also survives a power cut.
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
        else:
            cursor.execute(f"PRAGMA page_size={_LARGE_PAGE}")  # what windows keep is stored in large pieces
            cursor.execute("PRAGMA secure_delete=OFF")  # what is deleted goes with the file soon
            cursor.execute("PRAGMA journal_mode=OFF")  # each page is written once; what fails, fails for good
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
        cursor.close()

    return engine
