"""Which reminders were sent about accounts that break a rule; those of what was mended are forgotten."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Column, Connection, Index, Table, Text, and_, exists, func, select

from credwatch.kernel.account_finding import FindingKey
from credwatch.store.columns import Number
from credwatch.store.commands import StoredCommand, commands, readable
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.posture import account_findings
from credwatch.store.statements import many
from credwatch.workflows.account_reminder import WORKFLOW, ReminderLetter, Rung

finding_reminders = Table(
    "finding_reminders",
    metadata,
    Column("source", Text, primary_key=True),
    Column("customer", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("rung", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("since", Number, nullable=False),  # that of the finding it is about
    Column("at", Number, nullable=False),
    Column("command", Text, nullable=False),
    Index("finding_reminders_command", "command"),
)
"""One row for each finding and reader."""

_KEY = ("source", "customer", "account", "rule")
_DAY = timedelta(days=1)


class SentReminder(Struct, frozen=True):
    """One reminder."""

    rung: Rung
    """Who was reminded."""
    recipient: str
    """The address."""
    at: datetime
    """When it was written, UTC."""
    state: str
    """Where its letter stands; empty where the letter is not kept any more."""


def forget_mended(connection: Connection) -> None:
    """Forget the reminders about findings that are over: what breaks again is reminded of from the first rung."""
    table, findings = finding_reminders.c, account_findings.c
    same = and_(*(table[name] == findings[name] for name in _KEY), table.since == findings.since)
    connection.execute(finding_reminders.delete().where(~exists().where(same)))


def sent_reminders(connection: Connection) -> dict[FindingKey, list[SentReminder]]:
    """Return the reminders about each finding, the oldest first."""
    table, reminders = finding_reminders.c, defaultdict[FindingKey, list[SentReminder]](list)
    letter = finding_reminders.outerjoin(commands, commands.c.id == table.command)
    query = select(*table, commands.c.state).select_from(letter).order_by(table.at, table.recipient)
    for row in connection.execute(query):
        key = FindingKey(row.source, row.customer, row.account, row.rule)
        sent = SentReminder(Rung(row.rung), row.recipient, from_micros(row.at), row.state or "")
        reminders[key].append(sent)
    return dict(reminders)


def note_reminders(connection: Connection, letters: Iterable[ReminderLetter], now: datetime) -> None:
    """Note which findings letters tell of; in the transaction that queues them."""
    rows = [
        (
            *(it.finding.key.source, it.finding.key.customer, it.finding.key.user, it.finding.key.rule),
            *(it.rung.value, letter.command.recipient, to_micros(it.finding.since), to_micros(now), letter.command.id),
        )
        for letter in letters
        for it in letter.reminders
    ]
    many(
        connection,
        "INSERT INTO finding_reminders (source, customer, account, rule, rung, recipient, since, at, command)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        rows,
    )


def written_today(connection: Connection, now: datetime) -> tuple[int, frozenset[str]]:
    """Say how many reminders were written within a day, and to whom; what lies ahead by more does not count."""
    table = commands.c
    lately = table.created_at.between(to_micros(now - _DAY) + 1, to_micros(now + _DAY))
    query = select(table.recipient, func.count()).where(table.workflow == WORKFLOW, lately).group_by(table.recipient)
    counts = {recipient: int(count) for recipient, count in connection.execute(query)}
    return sum(counts.values()), frozenset(counts)


def reminders_numbered(connection: Connection, number: str) -> list[StoredCommand]:
    """Return the reminders that have this number, however it is spelled; the number stands in the letter alone."""
    table = commands.c
    mark = f'"number": {json.dumps(number.strip().upper(), ensure_ascii=False)}'
    query = select(commands).where(table.workflow == WORKFLOW, table.context.contains(mark, autoescape=True))
    return [stored for row in connection.execute(query) if (stored := readable(row._mapping)) is not None]
