"""Opens connections to the SQLite file, and says what its errors mean."""

from __future__ import annotations

import sqlite3
from urllib.parse import quote

from sqlalchemy import Engine, QueuePool, create_engine, event

from credwatch.kernel.errors import StoreError

_BUSY_SECONDS = 8
"""How long to wait for another writer: a store that stays locked is told within ten seconds, and asked again."""
_CACHE_KIB = 8192
_LARGE_PAGE = 16384
_BROKEN_HINT = (
    "stop the daemon and put back a copy of the store (a backup, or `*.before-*` of the last upgrade); or, to begin"
    " anew and forget all that was known, move it away with its -wal and -shm"
)


def open_engine(path: str, durable: bool) -> Engine:
    """Make what opens connections to the store, each prepared as the store needs it."""
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


def store_error(path: str, error: Exception) -> StoreError:
    """Turn an error of the driver into one of ours, which names no values."""
    origin = getattr(error, "orig", None) or (error if isinstance(error, sqlite3.Error) else None)
    is_broken = getattr(origin, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    # The driver's words only: SQLAlchemy's text would quote the values of the statement.
    return StoreError(
        f"the store failed: {origin or type(error).__name__}",
        where=path,
        hint=_BROKEN_HINT if is_broken else "check free space, permissions and that no other daemon uses the file",
    )
