"""What is kept of how accounts stand: findings, the latest reading of each source, and lines for the rules.

No hash and no password is here, and nothing of an account that keeps every rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.json import decode, encode
from sqlalchemy import Column, Connection, Index, Row, Table, Text, delete, func, select, update

from credwatch.kernel.account_finding import AccountFinding, FindingKey, PasswordAudited, RuleCount
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.statements import insert, many

account_findings = Table(
    "account_findings",
    metadata,
    Column("source", Text, primary_key=True),
    Column("customer", Text, primary_key=True),  # empty for one's own
    Column("account", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("since", Number, nullable=False),
    Column("detail", Text, nullable=False),
    Column("roles", Text, nullable=False),  # JSON
    Column("exemption", Text, nullable=False),  # empty where there is none
    Column("told", Number, nullable=False),  # 1 where the rules know of it
    Index("account_findings_customer", "customer", "rule"),
)

account_readings = Table(
    "account_readings",
    metadata,
    Column("source", Text, primary_key=True),
    Column("tried", Number, nullable=False),
    Column("read", Number),  # the latest that came to its end; null before the first
    Column("error", Text, nullable=False),  # why the latest try did not; empty where it did
    Column("accounts", Number, nullable=False),
    Column("wrong", Number, nullable=False),  # values that were not what their column should hold
    Column("counts", Text, nullable=False),  # JSON
)

password_audits = Table(
    "password_audits",
    metadata,
    Column("source", Text, primary_key=True),
    Column("customer", Text, primary_key=True),  # empty for one's own
    Column("account", Text, primary_key=True),
    Column("at", Number, nullable=False),
    Column("outcome", Text, nullable=False),  # guessed, held or untried: never with what
)

finding_lines = Table(
    "finding_lines",
    metadata,
    Column("number", Number, primary_key=True),
    Column("line", Text, nullable=False),  # with its newline
)


class ReadingState(Struct, frozen=True):
    """How the readings of a source stand."""

    source: str
    """Its id."""
    tried_at: datetime
    """When it was asked last, UTC."""
    read_at: datetime | None = None
    """When it was last read to its end, UTC; None before the first time."""
    error: str = ""
    """Why the latest try failed; empty where it did not."""
    accounts: int = 0
    """How many accounts it had."""
    wrong: int = 0
    """How many values were not what their column should hold."""
    counts: tuple[RuleCount, ...] = ()
    """How many accounts keep each rule."""


def findings_of(connection: Connection, source: str) -> dict[FindingKey, AccountFinding]:
    """Return the findings of one source."""
    query = select(*account_findings.c).where(account_findings.c.source == source)
    return {finding.key: finding for finding in map(_finding, connection.execute(query))}


def all_findings(connection: Connection, customer: str | None = None, rule: str = "") -> list[AccountFinding]:
    """Return every finding, or those of one customer or rule, in the order of their keys."""
    columns = account_findings.c
    query = select(*columns).order_by(columns.customer, columns.account, columns.rule, columns.source)
    query = query.where(columns.customer == customer) if customer is not None else query
    query = query.where(columns.rule == rule) if rule else query
    return [_finding(row) for row in connection.execute(query)]


def told_findings(connection: Connection, until: datetime) -> list[AccountFinding]:
    """Return the findings that the rules were told of, are not exempt, and were first seen by a moment."""
    columns = account_findings.c
    is_told = (columns.told == 1) & (columns.exemption == "") & (columns.since <= to_micros(until))
    return [_finding(row) for row in connection.execute(select(*columns).where(is_told))]


def count_by_rule(connection: Connection) -> dict[str, int]:
    """Count the findings of each rule that are not exempt."""
    columns = account_findings.c
    query = select(columns.rule, func.count()).where(columns.exemption == "").group_by(columns.rule)
    return {rule: count for rule, count in connection.execute(query)}


def save_findings(connection: Connection, source: str, findings: Iterable[AccountFinding]) -> None:
    """Keep these findings of a source in place of all that were kept of it."""
    connection.execute(delete(account_findings).where(account_findings.c.source == source))
    many(
        connection,
        "INSERT INTO account_findings (source, customer, account, rule, since, detail, roles, exemption, told)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(it.key.source, it.key.customer, it.key.user, it.key.rule, to_micros(it.since)),
                *(it.detail, encode(it.roles).decode(), it.exemption, int(it.is_told)),
            )
            for it in findings
        ],
    )


def reading_states(connection: Connection) -> dict[str, ReadingState]:
    """Return how the readings of each source stand; those that were never asked are left out."""
    return {row.source: _reading(row) for row in connection.execute(select(*account_readings.c))}


def save_reading(connection: Connection, state: ReadingState) -> None:
    """Keep how the readings of a source stand."""
    row = {
        "source": state.source,
        "tried": to_micros(state.tried_at),
        "read": None if state.read_at is None else to_micros(state.read_at),
        "error": state.error,
        "accounts": state.accounts,
        "wrong": state.wrong,
        "counts": encode(state.counts).decode(),
    }
    statement = insert(connection, account_readings).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=row))


def forget_sources(connection: Connection, still: Iterable[str]) -> None:
    """Delete what is kept of sources that are asked no more."""
    for table in (account_findings, account_readings, password_audits):
        connection.execute(delete(table).where(table.c.source.not_in(list(still))))


def read_soon(connection: Connection, source: str) -> None:
    """Have a source read at the next turn, as though it was not asked for long."""
    connection.execute(update(account_readings).where(account_readings.c.source == source).values(tried=0))


def audits_of(connection: Connection, source: str) -> dict[tuple[str, str], PasswordAudited]:
    """Return what came of trying the passwords of a source, by customer and account."""
    query = select(*password_audits.c).where(password_audits.c.source == source)
    rows = connection.execute(query)
    return {
        (row.customer, row.account): PasswordAudited(row.customer, row.account, from_micros(row.at), row.outcome)
        for row in rows
    }


def audit_of(connection: Connection, source: str, customer: str, account: str) -> PasswordAudited | None:
    """Return what came of trying the password of one account; None where it was not tried."""
    columns = password_audits.c
    is_it = (columns.source == source) & (columns.customer == customer) & (columns.account == account)
    row = connection.execute(select(columns.at, columns.outcome).where(is_it)).first()
    return row and PasswordAudited(customer, account, from_micros(row.at), row.outcome)


def save_audit(connection: Connection, source: str, audited: PasswordAudited) -> None:
    """Keep what came of trying one password."""
    key = {"source": source, "customer": audited.customer, "account": audited.user}
    values = {"at": to_micros(audited.at), "outcome": audited.outcome}
    statement = insert(connection, password_audits).values(key | values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def keep_audits(connection: Connection, source: str, accounts: Iterable[tuple[str, str]]) -> None:
    """Let go what is kept of accounts that a source has no more; `accounts` are customer and name of all it has."""
    gone = set(audits_of(connection, source)) - set(accounts)
    columns = password_audits.c
    for customer, account in gone:
        is_it = (columns.source == source) & (columns.customer == customer) & (columns.account == account)
        connection.execute(delete(password_audits).where(is_it))


def count_audits(connection: Connection) -> dict[tuple[str, str], int]:
    """Count the accounts that were tried, by source and outcome."""
    columns = password_audits.c
    query = select(columns.source, columns.outcome, func.count()).group_by(columns.source, columns.outcome)
    return {(source, outcome): count for source, outcome, count in connection.execute(query)}


def audit_times(connection: Connection) -> dict[str, datetime]:
    """Say when a password of each source was tried last."""
    columns = password_audits.c
    query = select(columns.source, func.max(columns.at)).group_by(columns.source)
    return {source: from_micros(at) for source, at in connection.execute(query)}


def add_lines(connection: Connection, lines: Iterable[str]) -> None:
    """Keep lines that are to be written, behind those that wait."""
    last = int(connection.execute(select(func.max(finding_lines.c.number))).scalar() or 0)
    rows = [(number, line) for number, line in enumerate(lines, last + 1)]
    many(connection, "INSERT INTO finding_lines (number, line) VALUES (?, ?)", rows)


def lines_waiting(connection: Connection, limit: int) -> list[tuple[int, str]]:
    """Return the lines that were kept first, with their numbers."""
    query = select(*finding_lines.c).order_by(finding_lines.c.number).limit(limit)
    return [(number, line) for number, line in connection.execute(query)]


def lines_written(connection: Connection, last: int) -> None:
    """Let go the lines up to a number."""
    connection.execute(delete(finding_lines).where(finding_lines.c.number <= last))


def _finding(row: Row[Any]) -> AccountFinding:
    key = FindingKey(row.source, row.customer, row.account, row.rule)
    roles = tuple(decode(row.roles))
    return AccountFinding(key, row.detail, from_micros(row.since), roles, row.exemption, bool(row.told))


def _reading(row: Row[Any]) -> ReadingState:
    read_at = None if row.read is None else from_micros(row.read)
    counts = tuple(decode(row.counts, type=list[RuleCount]))
    return ReadingState(row.source, from_micros(row.tried), read_at, row.error, row.accounts, row.wrong, counts)
