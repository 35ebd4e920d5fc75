"""The reminder: says in the case, and to the operators, who was asked about an incident and has not answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command
from credwatch.workflows.escalation import EscalationReason, escalate, phone_of
from credwatch.workflows.facts import Facts
from credwatch.workflows.message import LISTED, shown

ASKING = ("customer_notice", "breach_report")
"""The workflows whose letters somebody answers."""
BY = "credwatch"
"""Who stands under the entry of a reminder."""


class Unanswered(Struct, frozen=True):
    """A notice or report that nobody has answered."""

    workflow: str
    """Its workflow, one of ASKING."""
    incident: str
    """The incident's number; it is open."""
    organization: str
    """The customer concerned."""
    told_at: datetime
    """When a mail server took the first of its letters."""
    owner: str = ""
    """Who is in charge of the case; empty where nobody is."""
    reminders: int = 0
    """How many reminders there were."""
    reminded_at: datetime | None = None
    """When the latest reminder was written; None where there was none."""


def is_due(unanswered: Unanswered, period: timedelta, now: datetime) -> bool:
    """Say whether the operators must hear of it: a period after the letter, and after each reminder.

    A reminder that lies ahead by as much was noted under another clock, and keeps nothing silent.
    """
    if unanswered.reminded_at is None:
        return now - unanswered.told_at >= period
    return abs(now - unanswered.reminded_at) >= period


def remind(due: Sequence[Unanswered], facts: Facts, now: datetime) -> tuple[Command, ...]:
    """Write one letter to the operators about all that are due now, however many; none where nothing is."""
    if not due:
        return ()
    alone = due[0].incident if len(due) == 1 else ""
    counted = [replace(one, reminders=one.reminders + 1) for one in due]
    return escalate(
        facts,
        now,
        EscalationReason.UNANSWERED,
        duty="",
        incident=alone,
        phase=rfc3339(now),
        unanswered=unanswered_values(counted, facts),
    )


def unanswered_values(unanswered: Sequence[Unanswered], facts: Facts) -> dict[str, object]:
    """Describe to the operators who has not answered: those who were told first, and how many there are."""
    ordered = sorted(unanswered, key=lambda one: (one.told_at, one.incident, one.organization))
    return {
        "count": len(ordered),
        "first": [_values(one, facts) for one in ordered[:LISTED]],
        "more": max(0, len(ordered) - LISTED),
    }


def _values(unanswered: Unanswered, facts: Facts) -> dict[str, object]:
    reader = facts.recipients.get(unanswered.organization)
    is_report = unanswered.workflow == "breach_report"
    name = facts.vendor.name if is_report and facts.vendor else reader.name if reader else unanswered.organization
    return {
        "number": unanswered.incident,
        "workflow": unanswered.workflow,
        "reader": shown(name),
        "phone": phone_of(facts, unanswered.workflow, unanswered.organization),
        "told_at": rfc3339(unanswered.told_at),
        "reminders": unanswered.reminders,
        "owner": shown(unanswered.owner),
    }


def reminded(unanswered: Unanswered, now: datetime, address: str = "") -> CaseEntry:
    """Make the entry that says in the case what nobody has answered, and to which address it went on, if to any."""
    letter = unanswered.workflow.replace("_", " ")
    text = f"no answer to the {letter} that was accepted on {rfc3339(unanswered.told_at)}"
    if address:
        text += f"; it goes on to {address}"
    return CaseEntry(unanswered.incident, now, EntryKind.REMINDED, BY, text, customer=unanswered.organization)
