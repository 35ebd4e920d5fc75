"""Opens the store and brings it to the present schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from credwatch.kernel.errors import StoreError

metadata = MetaData()
"""Every table of the store; each table family adds its own in its own file."""

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_BUSY_SECONDS = 30
_CACHE_KIB = 8192
_LARGE_PAGE = 16384


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
        self.engine = _engine(self.path, durable)

    def migrate(self) -> None:
        """Bring the schema to the newest version; may be called on every start."""
        if self.is_current():
            return
        # A store that is up to date never loads the migration library: a daemon need not carry it for life.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self.engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except SQLAlchemyError as error:
            raise _store_error(self.path, error) from error

    def create(self) -> None:
        """Make every table that has been declared, at once and without a version: for stores that are thrown away."""
        try:
            metadata.create_all(self.engine)
        except SQLAlchemyError as error:
            raise _store_error(self.path, error) from error

    def is_current(self) -> bool:
        """Say whether the schema is at the newest version."""
        newest = max(path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
        try:
            with self.engine.connect() as connection:
                at = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        except SQLAlchemyError:
            return False
        return bool(at == newest)

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
            raise _store_error(self.path, error) from error

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
            raise _store_error(self.path, error) from error

    def tidy(self) -> None:
        """Fold the write-ahead log into the file and refresh what the query planner knows; raises StoreError."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA optimize")  # which writes itself
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        except SQLAlchemyError as error:
            raise _store_error(self.path, error) from error

    def close(self) -> None:
        """Close every connection; the database may not be used afterwards."""
        self.engine.dispose()


def many(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    """Run a statement for many rows; thousands a second under attack, so straight through the driver."""
    if rows:
        connection.exec_driver_sql(statement, rows)


def _engine(path: str, durable: bool) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: object, _record: object) -> None:
        # The driver's own transaction handling starts transactions too late; `writing` and `reading` begin them.
        # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable
        connection.isolation_level = None  # type: ignore[attr-defined]
        cursor = connection.cursor()  # type: ignore[attr-defined]
        if durable:
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


def _store_error(path: str, error: SQLAlchemyError) -> StoreError:
    origin = getattr(error, "orig", None)
    # The driver's words only: SQLAlchemy's text would quote the values of the statement.
    return StoreError(
        f"the store failed: {origin or type(error).__name__}",
        where=path,
        hint="check free space, permissions and that no other daemon uses the file",
    )
