"""Sends on what nobody has answered, then reminds the operators of it, and writes both into the cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from credwatch.kernel.command import Command
from credwatch.store import outbox, returns
from credwatch.store.cases import case_entries, incidents
from credwatch.store.cases.answers import unanswered_since
from credwatch.workflows.facts import Facts
from credwatch.workflows.reminder import Unanswered, is_due, remind, reminded
from credwatch.workflows.returned import instead_of, next_address

_SENT_ON_AT_ONCE = 5
"""So many letters of one reader go on in one look; of more the operators hear in one letter, and call."""


def remind_of_unanswered(connection: Connection, facts: Facts, now: datetime) -> int:
    """Send on what is due, write one letter about what is to be called about; return how many letters were queued.

    Who is due follows from accepted letters and entries alone, and both are written in one transaction: whatever a
    crash interrupts, each period has its reminder once.
    """
    period = facts.duties.answer
    due = [one for one in unanswered_since(connection, now - period) if is_due(one, period, now)]
    sent_on = _sent_on(connection, due, facts, now)
    for one in due:
        letter = sent_on.get(one)
        case_entries.add_entry(connection, reminded(one, now, letter.recipient if letter else ""))
    # At the second time the operators call, however many addresses are left.
    to_call = [one for one in due if one.reminders or one not in sent_on]
    return outbox.queue(connection, [*sent_on.values(), *remind(to_call, facts, now)])


def _sent_on(
    connection: Connection, due: Sequence[Unanswered], facts: Facts, now: datetime
) -> dict[Unanswered, Command]:
    """Write what is due once more, to the next address of its reader, where one is left and no flood comes of it."""
    letters: dict[Unanswered, Command] = {}
    totals: Counter[str] = Counter()
    for one in due:
        reader = one.workflow if one.workflow == "breach_report" else one.organization
        letter = _next_letter(connection, one, facts, now) if totals[reader] < _SENT_ON_AT_ONCE else None
        if letter is not None:
            letters[one] = letter
            totals[reader] += 1
    return letters


def _next_letter(connection: Connection, unanswered: Unanswered, facts: Facts, now: datetime) -> Command | None:
    stored = returns.accepted_letter(connection, unanswered.workflow, unanswered.incident, unanswered.organization)
    if stored is None:
        return None
    incident = incidents.incident(connection, unanswered.incident)
    address = next_address(stored.command, incident, facts, returns.readers_of(connection, stored))
    return instead_of(stored.command, address, facts, now) if address else None
