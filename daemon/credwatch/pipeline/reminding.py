"""Reminds the operators of what nobody has answered, and writes it into the cases."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from credwatch.store import outbox
from credwatch.store.cases import case_entries
from credwatch.store.cases.answers import unanswered_since
from credwatch.workflows.facts import Facts
from credwatch.workflows.reminder import is_due, remind, reminded


def remind_of_unanswered(connection: Connection, facts: Facts, now: datetime) -> int:
    """Write one letter about all that is due, and an entry into each case; return how many letters were queued.

    Who is due follows from accepted letters and entries alone, and both are written in one transaction: whatever a
    crash interrupts, each period has its reminder once.
    """
    period = facts.duties.answer
    due = [one for one in unanswered_since(connection, now - period) if is_due(one, period, now)]
    for one in due:
        case_entries.add_entry(connection, reminded(one, now))
    return outbox.queue(connection, remind(due, facts, now))
