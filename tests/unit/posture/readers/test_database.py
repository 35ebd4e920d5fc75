"""Accounts of a real PostgreSQL, which is only read, for a bounded time, and not believed when it lies."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from credwatch.kernel.errors import SourceError
from credwatch.posture.options import SqlAccountsOptions
from credwatch.posture.reading import AccountsReading, read
from postgresql_server import Server

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ACCOUNTS = """
CREATE SEQUENCE numbers;
CREATE TABLE accounts (name text, hash text, changed timestamptz, seen timestamp, roles text[], active boolean);
INSERT INTO accounts VALUES
  ('lan', 'pbkdf2_sha256$1000000$c2FsdA$Qm9v=', '2026-01-01 07:00+07', '2026-03-01 08:00', '{Admin,Sales}', true),
  ('minh', '5f4dcc3b5aa765d61d8327deb882cf99', NULL, NULL, '{}', false)
"""
QUERY = """SELECT name AS account, hash AS password, changed AS password_changed_at, seen AS last_login_at,
           roles, active AS enabled FROM accounts ORDER BY name"""


def source(server: Server, query: str = QUERY, **changes: object) -> SqlAccountsOptions:
    """Make a database with two accounts, and give a source on it."""
    url = server.empty_database().url
    server.ask(ACCOUNTS, url.partition("@/")[2].partition("?")[0])
    return SqlAccountsOptions.model_validate(
        {"id": "site", "kind": "sql", "url": url, "query": query, "time_zone": "Asia/Ho_Chi_Minh", **changes}
    )


def reading_of(options: SqlAccountsOptions) -> AccountsReading:
    return read(options, lambda _account: None, lambda: NOW)


def test_accounts_of_a_database(postgresql: Server) -> None:
    """Types of the server come as ours; a moment without an offset is in the source's time zone."""
    reading = reading_of(source(postgresql, customer="acme"))
    lan, minh = reading.accounts
    assert (("acme", "lan"), ("admin", "sales")) == ((lan.customer, lan.user), lan.roles)
    assert (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, 1, tzinfo=UTC)) == (
        lan.password_changed_at,
        lan.last_login_at,
    )
    assert ("md5_or_ntlm", False, False) == (
        minh.password and minh.password.scheme,
        minh.has_logged_in,
        minh.is_enabled,
    )
    assert 0 == reading.wrong


def test_values_that_lie(postgresql: Server) -> None:
    """A column that holds something else is told by row and column, never by value, and its account stays."""
    query = """SELECT name AS account, 'hunter2-hash' AS last_login_at, 'maybe' AS enabled, 3.5 AS kind FROM accounts
               UNION ALL SELECT NULL, NULL, NULL, NULL"""
    reading = reading_of(source(postgresql, query))
    assert (["lan", "minh"], 7) == ([account.user for account in reading.accounts], reading.wrong)
    assert {(1, "last_login_at"), (1, "enabled"), (1, "kind"), (3, "account")} <= {
        (it.row, it.column) for it in reading.problems
    }
    assert not any("hunter2" in it.problem or "maybe" in it.problem for it in reading.problems)


def test_a_moment_beyond_python(postgresql: Server) -> None:
    """A date that Python does not know ends the reading with what to do, and nothing of it counts."""
    with pytest.raises(SourceError, match="timestamp too large"):
        reading_of(source(postgresql, "SELECT name AS account, 'infinity'::timestamptz AS created_at FROM accounts"))


def test_millions_of_rows(postgresql: Server) -> None:
    """A source that gives more accounts than it may is not believed; the server stops in the middle."""
    query = "SELECT 'user' || number AS account FROM generate_series(1, 10000000) number"
    with pytest.raises(SourceError, match="more than 1000 accounts") as caught:
        reading_of(source(postgresql, query, most_accounts=1000))
    assert "most_accounts" in caught.value.hint


def test_a_query_that_hangs(postgresql: Server) -> None:
    """The server ends it after the time of the options."""
    with pytest.raises(SourceError, match="statement timeout"):
        reading_of(source(postgresql, "SELECT pg_sleep(600)::text AS account", statement_seconds=0.3))


def test_a_query_that_writes(postgresql: Server) -> None:
    """The transaction is read-only, whatever the user may do."""
    options = source(postgresql, "SELECT nextval('numbers')::text AS account")
    with pytest.raises(SourceError, match="read-only transaction"):
        reading_of(options)
    with psycopg.connect(options.url) as connection:
        assert (False,) == connection.execute("SELECT is_called FROM numbers").fetchone()


def test_an_error_that_quotes_a_value(postgresql: Server) -> None:
    """What the server quotes of a row is left out of its words."""
    query = "SELECT name AS account, hash::integer AS last_login_at FROM accounts"
    with pytest.raises(SourceError, match="invalid input syntax for type integer") as caught:
        reading_of(source(postgresql, query))
    assert "pbkdf2" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT name AS account, changed AS password_changed FROM accounts", "password_changed_at"),
        ("SELECT name AS owner FROM accounts", "no column account"),
        ("SELECT nothing FROM accounts", "does not exist"),
    ],
)
def test_queries_that_cannot_be_used(postgresql: Server, query: str, words: str) -> None:
    """What is wrong with a query is told, with the nearest name."""
    with pytest.raises(SourceError) as caught:
        reading_of(source(postgresql, query))
    assert words in str(caught.value)


def test_a_server_that_is_away(tmp_path: Path) -> None:
    """That nobody answers is an error that names the source, and no hash or password."""
    (tmp_path / "secret").write_text("hunter2")
    options = SqlAccountsOptions(
        id="site", kind="sql", url="postgresql://lan@127.0.0.1:1/x", query="SELECT 1", password_file=tmp_path / "secret"
    )
    with pytest.raises(SourceError) as caught:
        reading_of(options)
    assert "hunter2" not in str(caught.value)
    assert "source site" == caught.value.where


def test_the_query_is_one_statement() -> None:
    """Two statements are refused before anything is asked."""
    with pytest.raises(ValueError, match="more than one statement"):
        SqlAccountsOptions(id="site", kind="sql", url="sqlite:////x", query="SELECT 1; DROP TABLE accounts")
