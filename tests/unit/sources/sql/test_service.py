"""Rows of real databases: each comes once, in order, whatever commits late, lies or hangs."""

from __future__ import annotations

import signal
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from credwatch.kernel.errors import ProblemsFound, SourceError
from credwatch.kernel.options import validated
from credwatch.sources.pull.source import PulledSource
from credwatch.sources.sql.options import SqlSourceOptions
from mariadb_server import MariaServer
from postgresql_server import Server
from unit.sources.rest.presets_served import PATIENCE, drained, records, take
from unit.sources.sql.tables import (
    BY_TIME,
    QUERY,
    MariaTable,
    PostgresTable,
    TableServer,
    a_sql_source,
    logins,
    sql_options,
)


def _names(lines: list[bytes]) -> list[int]:
    return [record["id"] for record in records(lines)]


def _problem(source: PulledSource) -> SourceError:
    deadline = time.monotonic() + PATIENCE
    while not source.problems():
        assert time.monotonic() < deadline
        try:
            source.read(65_536)
        except SourceError:
            break
        time.sleep(0.005)
    return source.problems()[0]


@pytest.mark.parametrize("more", ["", " LIMIT :limit"], ids=["stream", "limit"])
def test_rows_come_once_in_order(table: TableServer, more: str) -> None:
    """All rows come, in many questions, and then those that are added; a row that commits late comes too."""
    table.run(logins(*(number for number in range(1, 60) if number != 37)))
    source = a_sql_source(sql_options(table, QUERY + more, batch_rows=7))
    reader = drained(source, 58)
    table.run(logins(60))
    while len(reader.lines) < 59:
        take(reader)
    table.run(logins(37))
    while len(reader.lines) < 60:
        take(reader)
    assert [*(number for number in range(1, 61) if number != 37), 37] == _names(reader.lines)
    source.close()


@pytest.mark.parametrize("more", ["", " LIMIT :limit"], ids=["stream", "limit"])
def test_rows_of_one_moment_are_not_parted(table: TableServer, more: str) -> None:
    """Where many rows have one timestamp, none is left behind, however few are read at a time and without overlap."""
    table.run(logins(*range(1, 40), at=lambda number: f"2026-03-02 08:00:{number // 13:02}"))
    options = sql_options(table, BY_TIME + more, batch_rows=5, cursor="seen_at", cursor_kind="timestamp")
    source = a_sql_source(options.model_copy(update={"overlap": options.interval * 0}))
    assert list(range(1, 40)) == sorted(_names(drained(source, 39).lines))
    source.close()


def test_any_committed_cursor_leads_to_the_rest(table: TableServer) -> None:
    """A restart after any chunk gives the rest, nothing lost and nothing twice."""
    table.run(logins(*range(1, 31)))
    options = sql_options(table, BY_TIME, batch_rows=8, cursor="seen_at", cursor_kind="timestamp")
    source = a_sql_source(options)
    chunks = drained(source, 30, limit=200).chunks
    source.close()
    for at in range(0, len(chunks) - 1, 4):
        done = [line for chunk in chunks[: at + 1] for line in chunk.data.splitlines()]
        source = a_sql_source(options, {chunks[at].file: chunks[at].cursor})
        assert list(range(1, 31)) == _names(done + drained(source, 30 - len(done)).lines)
        source.close()


@pytest.mark.parametrize(("query", "column", "kind"), [(QUERY, "id", "integer"), (BY_TIME, "seen_at", "timestamp")])
def test_a_start_at_the_end_leaves_out_what_is_there(table: TableServer, query: str, column: str, kind: str) -> None:
    """With read_from = "end" only rows that come later are told."""
    table.run(logins(1, 2, 3))
    options = sql_options(table, query, cursor=column, cursor_kind=kind, read_from="end")
    source = a_sql_source(options)
    reader = drained(source, 0)
    table.run(logins(500_000))
    while not reader.lines:
        take(reader)
    assert [500_000] == _names(reader.lines)[-1:]
    source.close()


def test_times_tell_their_zone(table: TableServer) -> None:
    """A timestamp becomes RFC 3339 with its offset, in UTC where the database keeps it so."""
    table.run(logins(1))
    source = a_sql_source(sql_options(table, time_zone="Asia/Ho_Chi_Minh"))
    (record,) = records(drained(source, 1).lines)
    assert record["seen_at"] in ("2026-03-02T08:00:01Z", "2026-03-02T08:00:01+00:00", "2026-03-02 08:00:01")
    source.close()


def test_a_query_cannot_write(table: TableServer) -> None:
    """The transaction is read-only, whatever the query says."""
    query = "INSERT INTO logins (id, name) VALUES (:cursor, 'x') RETURNING id, seen_at, name"
    source = a_sql_source(sql_options(table, query))
    assert "the database refuses" in str(_problem(source))
    source.close()
    other = a_sql_source(sql_options(table))
    assert [] == drained(other, 0).lines
    other.close()


def test_rows_that_are_equal_count_each(table: TableServer) -> None:
    """Two rows with nothing to tell them apart are two, and stay two however often they are read again."""
    table.run(logins(*range(1, 5), at=lambda _: "2026-03-02 08:00:00"), "UPDATE logins SET name = 'lan'")
    query = "SELECT seen_at, name FROM logins WHERE seen_at > :cursor ORDER BY seen_at"
    source = a_sql_source(sql_options(table, query, cursor="seen_at", cursor_kind="timestamp", batch_rows=3))
    reader = drained(source, 4)
    for _ in range(30):
        take(reader)
    assert 4 == len(reader.lines)
    source.close()


WRONG = {
    "no such identity": (QUERY, {"identity": ["number"]}, "no column number"),
    "no such table": ("SELECT * FROM nothing WHERE id > :cursor", {}, "refuses"),
    "no such cursor": (QUERY, {"cursor": "number"}, "no column number"),
    "another type": (QUERY.replace("id, seen", "name AS id, seen"), {}, "the kind integer"),
    "twice": (QUERY.replace("id, seen", "id, id, seen"), {}, "two columns"),
    "no order": (QUERY + " DESC", {}, "not in the order"),
}


@pytest.mark.parametrize(("query", "changes", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_query_is_told(table: TableServer, query: str, changes: dict[str, Any], said: str) -> None:
    """The error names the source and says what is wrong with the query, and nothing is given."""
    table.run(logins(1, 2, 3))
    source = a_sql_source(sql_options(table, query, **changes))
    problem = _problem(source)
    assert said in problem.message
    assert ("source rows", True) == (problem.where, bool(problem.hint))
    source.close()


def test_a_database_that_comes_back_goes_on(postgresql: Server) -> None:
    """While the table cannot be read that is told; afterwards every row comes."""
    table = PostgresTable(postgresql)
    table.run("ALTER TABLE logins RENAME TO away")
    source = a_sql_source(sql_options(table))
    _problem(source)
    table.run("ALTER TABLE away RENAME TO logins", logins(1))
    assert [1] == _names(drained(source, 1).lines)
    assert [] == source.problems()
    source.close()


def test_values_are_what_the_database_says(postgresql: Server) -> None:
    """Decimals keep their digits, bytes are base64, documents and lists are JSON, and what is unknown is text."""
    query = """
        SELECT 1 AS id, 12345678901234567890.10::numeric AS price, '\\x00ff'::bytea AS data, '{"a": [1]}'::jsonb AS doc,
          ARRAY[1, 2] AS list, '203.0.113.9'::inet AS ip, NULL AS nothing, true AS flag, 'NaN'::float8 AS odd,
          '1 hour'::interval AS span, '2026-03-02 08:00'::timestamp AS local, 'Lan "ă"'::text AS name
        WHERE 1 > :cursor
    """
    source = a_sql_source(sql_options(PostgresTable(postgresql), query, time_zone="Asia/Ho_Chi_Minh"))
    (line,) = drained(source, 1).lines
    source.close()
    (record,) = records([line])
    assert b'"price":12345678901234567890.10' in line
    assert Decimal("12345678901234567890.10") != record.pop("price")
    assert {
        "id": 1, "data": "AP8=", "doc": {"a": [1]}, "list": [1, 2], "ip": "203.0.113.9", "nothing": None, "flag": True,
        "odd": "nan", "span": 3600.0, "local": "2026-03-02T08:00:00+07:00", "name": 'Lan "ă"',
    } == record  # fmt: skip


def test_columns_of_mariadb_tell_their_zones(mariadb: MariaServer) -> None:
    """TIMESTAMP is in UTC, DATETIME in the zone of the settings, and a date that is none stays as it is."""
    table = MariaTable(mariadb)
    table.run("ALTER TABLE logins ADD made datetime", "SET SESSION sql_mode=''")
    table.run("INSERT INTO logins (id, seen_at, made) VALUES (1, '2026-03-02 08:00:00', '2026-03-02 08:00:00')")
    table.run("SET SESSION sql_mode=''", "INSERT INTO logins (id, made) VALUES (2, '0000-00-00 00:00:00')")
    query = "SELECT id, seen_at, made FROM logins WHERE id > :cursor ORDER BY id"
    source = a_sql_source(sql_options(table, query, time_zone="Asia/Ho_Chi_Minh"))
    first, second = records(drained(source, 2).lines)
    source.close()
    assert ("2026-03-02T08:00:00Z", "2026-03-02T08:00:00+07:00") == (
        first["seen_at"].replace("+00:00", "Z"),
        first["made"],
    )
    assert "0000-00-00 00:00:00" == second["made"]


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_slow_query_is_ended(kind: str, request: pytest.FixtureRequest) -> None:
    """A query that takes longer than statement_seconds is ended by the server, and told."""
    server = request.getfixturevalue(kind)
    table = PostgresTable(server) if kind == "postgresql" else MariaTable(server)
    sleep = "pg_sleep(30)::text" if kind == "postgresql" else "sleep(30)"
    source = a_sql_source(sql_options(table, f"SELECT 1 AS id, {sleep} AS x WHERE 1 > :cursor", statement_seconds=1))
    assert "the database refuses" in str(_problem(source))
    source.close()


def test_a_frozen_server_holds_up_nobody(mariadb: MariaServer) -> None:
    """A server that is stopped in the middle delays neither a read nor the close of its source."""
    table = MariaTable(mariadb)
    source = a_sql_source(sql_options(table, "SELECT 1 AS id, sleep(30) AS x WHERE 1 > :cursor", statement_seconds=60))
    source.read(65_536)
    time.sleep(0.5)
    mariadb.send(signal.SIGSTOP)
    try:
        begin = time.monotonic()
        source.read(65_536)
        source.close()
        assert time.monotonic() - begin < 5
    finally:
        mariadb.send(signal.SIGCONT)


def test_a_frozen_connection_is_cut(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not keep its own time limit is cut off from our side."""
    monkeypatch.setattr("credwatch.sources.sql.connection._GRACE_SECONDS", 0.5)
    table = PostgresTable(postgresql)
    options = sql_options(table, "SELECT 1 AS id, pg_sleep(30)::text AS x WHERE 1 > :cursor", statement_seconds=1)
    # As a server would that is frozen: its own limit does not bite.
    monkeypatch.setattr("credwatch.sources.sql.connection._bounds", lambda _backend, _seconds: {"connect_timeout": 5})
    source = a_sql_source(options)
    assert "the database refuses" in str(_problem(source))
    source.close()


def test_a_password_is_never_shown(postgresql: Server, tmp_path: Path) -> None:
    """A URL with a password is refused without quoting it; a wrong password in a file is in no error."""
    table = {"id": "rows", "kind": "sql", "query": QUERY, "url": "postgresql://lan:hunter2@db.example/site"}
    with pytest.raises(ProblemsFound) as caught:
        validated(table, SqlSourceOptions, where="x")
    assert "hunter2" not in str(caught.value)
    assert "password_file" in str(caught.value)
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    away = PostgresTable(postgresql)
    away.url = "postgresql://lan@127.0.0.1:1/site"
    source = a_sql_source(sql_options(away, password_file=secret))
    assert "hunter2" not in str(_problem(source))
    source.close()


@pytest.mark.parametrize(
    "query",
    ["SELECT 1", QUERY + " LIMIT 10", QUERY + " FETCH FIRST 5 ROWS ONLY", QUERY + "; DELETE FROM logins"],
)
def test_a_query_that_would_lose_rows_is_refused(query: str) -> None:
    """A query without a cursor, with a limit of its own, or of several statements is refused when settings are read."""
    with pytest.raises(ProblemsFound):
        validated({"id": "rows", "kind": "sql", "query": query, "url": "sqlite:////x"}, SqlSourceOptions, where="x")
