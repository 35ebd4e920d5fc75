"""A table of logins in each kind of database, and sources on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from credwatch.sources.interface import Cursor
from credwatch.sources.pull.source import PulledSource
from credwatch.sources.sql.options import SqlSourceOptions
from credwatch.sources.sql.service import SqlService
from mariadb_server import MariaServer
from postgresql_server import Server

QUERY = "SELECT id, seen_at, name FROM logins WHERE id > :cursor ORDER BY id"
BY_TIME = "SELECT id, seen_at, name FROM logins WHERE seen_at > :cursor ORDER BY seen_at"
INTERVAL = timedelta(milliseconds=30)


class TableServer(Protocol):
    """A database with a table `logins`."""

    url: str

    def run(self, *statements: str) -> None:
        """Run statements, and commit them."""


class PostgresTable:
    """On PostgreSQL."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.url = server.empty_database().url
        self._database = self.url.partition("@/")[2].partition("?")[0]
        self.run("CREATE TABLE logins (id bigserial PRIMARY KEY, seen_at timestamptz, name text)")

    def run(self, *statements: str) -> None:
        """Run statements, and commit them."""
        for statement in statements:
            self._server.ask(statement, self._database)


class MariaTable:
    """On MariaDB."""

    def __init__(self, server: MariaServer) -> None:
        self._server = server
        self.url = f"mariadb://root@127.0.0.1:{server.port}/site"
        server.ask("DROP DATABASE IF EXISTS site", "CREATE DATABASE site CHARACTER SET utf8mb4")
        columns = "id bigint AUTO_INCREMENT PRIMARY KEY, seen_at timestamp(6) NULL, name varchar(200)"
        self.run(f"CREATE TABLE logins ({columns})")

    def run(self, *statements: str) -> None:
        """Run statements, and commit them."""
        self._server.ask("SET time_zone='+00:00'", *statements, database="site")


class SqliteTable:
    """In a file of SQLite."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "site.sqlite"
        self.url = f"sqlite:///{self._file}"
        self.run("CREATE TABLE IF NOT EXISTS logins (id integer PRIMARY KEY, seen_at text, name text)")
        self.run("CREATE INDEX IF NOT EXISTS logins_seen_at ON logins (seen_at)")

    def run(self, *statements: str) -> None:
        """Run statements, and commit them."""
        connection = sqlite3.connect(self._file, timeout=30)
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()


def logins(*numbers: int, at: Callable[[int], str] | None = None) -> str:
    """Give the statement that inserts logins."""
    values = (f"({number}, '{(at or moment)(number)}', 'user{number}')" for number in numbers)
    return f"INSERT INTO logins (id, seen_at, name) VALUES {', '.join(values)}"  # of our own


def moment(number: int) -> str:
    """Give the moment of a login: a second after that of the one before."""
    return (datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(seconds=number)).strftime("%Y-%m-%d %H:%M:%S")


def sql_options(table: TableServer, query: str = QUERY, **changes: Any) -> SqlSourceOptions:
    """Give the options of a source on a table, read from its start, without pauses."""
    raw = {"id": "rows", "kind": "sql", "url": table.url, "query": query, "read_from": "start", **changes}
    options = TypeAdapter(SqlSourceOptions).validate_python(raw)
    return options.model_copy(update={"interval": INTERVAL})


def a_sql_source(options: SqlSourceOptions, cursors: Mapping[str, Cursor] | None = None) -> PulledSource:
    """Open a source on a table."""
    return PulledSource(options.id, SqlService(options), cursors or {}, clock=lambda: datetime.now(UTC))
