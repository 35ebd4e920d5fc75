"""Reminds people of accounts that break a rule, by the clock; what is written and what is noted is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection

from credwatch.store import finding_reminders, outbox, posture
from credwatch.store.finding_reminders import SentReminder
from credwatch.workflows.account_reminder import Ladder, Rung, due_reminder, reminder_letters
from credwatch.workflows.facts import Facts


def remind_of_accounts(
    connection: Connection, ladder: Ladder, rules: Collection[str], most_per_day: int, facts: Facts, now: datetime
) -> int:
    """Write the reminders that are due, within the bound of the day; return how many letters were queued.

    Exempt accounts, and those within their time of grace, are not reminded of.
    """
    if not ladder:
        return 0
    finding_reminders.forget_mended(connection)
    sent = finding_reminders.sent_reminders(connection)
    due = []
    for finding in posture.told_findings(connection, now - min(ladder.values())):
        reminder = due_reminder(finding, ladder, _rungs(sent.get(finding.key, ())), facts, now)
        if reminder is not None and (not rules or finding.key.rule in rules):
            due.append(reminder)
    written, resting = finding_reminders.written_today(connection, now)
    letters = [*reminder_letters(due, facts, now, max(0, most_per_day - written), resting)]
    finding_reminders.note_reminders(connection, letters, now)
    return outbox.queue(connection, (letter.command for letter in letters))


def _rungs(reminders: Iterable[SentReminder]) -> dict[Rung, dict[str, datetime]]:
    rungs: dict[Rung, dict[str, datetime]] = {}
    for reminder in reminders:
        rungs.setdefault(reminder.rung, {})[reminder.recipient] = reminder.at
    return rungs
