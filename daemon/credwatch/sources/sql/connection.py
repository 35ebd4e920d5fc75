"""Connects to a database so that it can only be read, for a bounded time, whatever the server does."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import dup
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from credwatch.kernel.errors import SourceError
from credwatch.sources.pull.secrets import optional_secret_of
from credwatch.sources.sql.options import DatabasePlace, parsed_url

_GRACE_SECONDS = 5.0
"""A server is given so much longer than its own time limit before the connection is cut."""
_MOST_WORDS = 200


class ReadOnlyDatabase:
    """Opens a connection for each question. `interrupt` may be called from another thread."""

    def __init__(self, source: str, options: DatabasePlace) -> None:
        self._source = source
        self._options = options
        self._where = f"source {source}"
        self._lock = threading.Lock()
        self._socket: int | None = None
        self._interrupted = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Connect for one read-only transaction; raises SourceError for whatever goes wrong within."""
        engine = self._engine()
        try:
            with engine.connect() as connection, self._cut_off(connection):
                yield connection.execution_options(stream_results=True, max_row_buffer=500)
                connection.rollback()
        except SQLAlchemyError as error:
            raise self._error(error) from None
        except (OSError, ValueError, OverflowError) as error:
            # psycopg and pymysql raise these where a value is none that Python knows, such as a date before Christ.
            hint = "cast the column to text in the query"
            raise SourceError(f"a value cannot be read: {_plain(str(error))}", where=self._where, hint=hint) from None
        finally:
            engine.dispose()

    def interrupt(self) -> None:
        """Cut the connection that is open, and every later one."""
        self._interrupted = True
        with self._lock:
            _cut(self._socket)

    def _engine(self) -> Engine:
        options = self._options
        url = parsed_url(options.url)
        secret = optional_secret_of(self._source, options.password_file)
        if secret is not None:
            url = url.set(password=secret.reveal())
        backend, seconds = url.get_backend_name(), options.statement_seconds
        arguments: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
        if backend == "sqlite":
            path = url.database or ""
            arguments["creator"] = lambda: sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=seconds)
        else:
            arguments["connect_args"] = _bounds(backend, seconds)
        try:
            engine = create_engine(url, **arguments)
        except (NoSuchModuleError, ImportError, ArgumentError, TypeError) as error:
            message = f"there is no driver for {backend} ({type(error).__name__})"
            hint = "write postgresql://, mariadb://, mysql:// or sqlite://, or install its driver"
            raise SourceError(message, where=self._where, hint=hint) from None
        if backend in ("mysql", "mariadb"):
            event.listen(engine, "connect", lambda raw, _record: _prepare(raw, seconds))
        return engine

    @contextmanager
    def _cut_off(self, connection: Connection) -> Iterator[None]:
        """Cut the connection where the server has not answered long after its own limit: it may be frozen."""
        number = _descriptor(connection.connection.driver_connection)
        with self._lock:
            self._socket = dup(number) if number is not None else None
            if self._interrupted:
                _cut(self._socket)
        limit = self._options.statement_seconds + _GRACE_SECONDS
        timer = threading.Timer(limit, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                if self._socket is not None:
                    socket.socket(fileno=self._socket).close()
                self._socket = None

    def _expire(self) -> None:
        with self._lock:
            _cut(self._socket)

    def _error(self, error: SQLAlchemyError) -> SourceError:
        """Say what the server says, without the statement, its values and the URL."""
        reason = error.orig if isinstance(error, DBAPIError) else error
        words = _plain(str(reason)) or type(reason).__name__
        hint = "check url, the password, what the user may read, and the query; it is asked again by itself"
        return SourceError(f"the database refuses: {words}", where=self._where, hint=hint)


def _bounds(backend: str, seconds: float) -> dict[str, Any]:
    """Return what a driver is told about time and about writing."""
    whole = max(int(seconds), 2)
    match backend:
        case "postgresql":
            milliseconds = int(seconds * 1000)
            settings = {
                "default_transaction_read_only": "on",
                "statement_timeout": milliseconds,
                "lock_timeout": milliseconds,
                "TimeZone": "UTC",
            }
            options = " ".join(f"-c {name}={value}" for name, value in settings.items())
            return {"connect_timeout": whole, "options": options, "application_name": "credwatch"}
        case "mysql" | "mariadb":
            limit = whole + int(_GRACE_SECONDS)
            return {"connect_timeout": whole, "read_timeout": limit, "write_timeout": limit, "charset": "utf8mb4"}
    return {}


def _prepare(raw: Any, seconds: float) -> None:
    """Make a session of MariaDB or MySQL read-only, bounded, and in UTC."""
    is_mariadb = "mariadb" in raw.get_server_info().lower()
    limit = f"max_statement_time={seconds:.3f}" if is_mariadb else f"max_execution_time={int(seconds * 1000)}"
    with raw.cursor() as cursor:
        for statement in (f"SET SESSION {limit}", "SET time_zone='+00:00'", "SET SESSION TRANSACTION READ ONLY"):
            cursor.execute(statement)


def _descriptor(raw: Any) -> int | None:
    """Find the socket of a connection; SQLite has none."""
    with suppress(AttributeError, OSError):
        return int(raw.fileno() if hasattr(raw, "fileno") else raw._sock.fileno())
    return None


def _cut(number: int | None) -> None:
    if number is not None:
        cut = socket.socket(fileno=dup(number))
        with cut, suppress(OSError):
            cut.shutdown(socket.SHUT_RDWR)


def _plain(words: str) -> str:
    """Give the first line, printable."""
    line = next(iter(words.strip().splitlines()), "")
    return "".join(sign for sign in line if sign.isprintable())[:_MOST_WORDS]
