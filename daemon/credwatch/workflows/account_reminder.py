"""Reminders about accounts that break a rule: to the user, then the manager, then the customer's contacts.

They climb one rung at a time: each rung is due so long after the rule was first seen broken, and no sooner behind the
rung before than the settings put between them. What one reader is owed is one letter a day, however many accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.account_finding import AccountFinding
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, CommandKind, Precedence
from credwatch.kernel.ids import stable_id
from credwatch.kernel.legible import in_a_message_as_account
from credwatch.workflows.facts import Facts
from credwatch.workflows.message import LISTED, Letter, compose

WORKFLOW = "account_reminder"


class Rung(StrEnum):
    """Who is reminded, in this order."""

    USER = "user"
    MANAGER = "manager"
    CONTACT = "contact"


Ladder = Mapping[Rung, timedelta]
"""After how long each rung is due; a rung that is left out is passed over."""

SentRungs = Mapping[Rung, Mapping[str, datetime]]
"""Who was reminded of one finding on each rung, and when."""


class DueReminder(Struct, frozen=True):
    """That somebody is to be reminded of a finding."""

    finding: AccountFinding
    """What is broken, by which account."""
    rung: Rung
    """Whose turn it is."""
    recipients: tuple[str, ...]
    """The addresses."""


class ReminderLetter(Struct, frozen=True):
    """One letter, and the reminders it is."""

    command: Command
    """The letter."""
    reminders: tuple[DueReminder, ...]
    """What it tells."""


def due_reminder(
    finding: AccountFinding, ladder: Ladder, sent: SentRungs, facts: Facts, now: datetime
) -> DueReminder | None:
    """Say who is to be reminded of a finding now; None where nobody is. A rung without an address is passed over.

    Of several readers on a rung those are due who were not reminded yet, as the bound of a day may part them.
    """
    latest: tuple[timedelta, datetime] | None = None
    for rung in (rung for rung in Rung if rung in ladder):
        after, before = ladder[rung], sent.get(rung, {})
        recipients = tuple(address for address in _recipients(finding, rung, facts) if address not in before)
        if before:
            latest = after, min(*before.values(), now)
        elif recipients and latest is not None and now - latest[1] < after - latest[0]:
            return None
        if recipients:
            return DueReminder(finding, rung, recipients) if now - finding.since >= after else None
    return None


def _recipients(finding: AccountFinding, rung: Rung, facts: Facts) -> tuple[str, ...]:
    customer = facts.recipients.get(finding.key.customer)
    if rung is Rung.CONTACT:
        addresses = customer.addresses if customer else () if finding.key.customer else facts.operators.addresses
    else:
        person = facts.person_of(finding.key.user)
        addresses = tuple(filter(None, [person.address if rung is Rung.USER else person.manager]))
    unsafe = {address.casefold() for address in customer.compromised} if customer else set()
    return tuple(address for address in addresses if address.casefold() not in unsafe)


def reminder_letters(
    due: Iterable[DueReminder], facts: Facts, now: datetime, room: int, resting: frozenset[str] = frozenset()
) -> Iterator[ReminderLetter]:
    """Write one letter to each reader, the longest broken first, so many at most; who is `resting` had one today."""
    by_reader: dict[tuple[str, str, Rung], list[DueReminder]] = {}
    for reminder in sorted(due, key=lambda it: (it.finding.since, it.finding.key.customer, it.finding.key.user)):
        for recipient in reminder.recipients:
            by_reader.setdefault((recipient, reminder.finding.key.customer, reminder.rung), []).append(reminder)
    written = set(resting)
    for (recipient, customer, rung), reminders in by_reader.items():
        if room and recipient not in written:
            written.add(recipient)
            room -= 1
            yield _letter(recipient, customer, rung, tuple(reminders), facts, now)


def _letter(
    recipient: str, customer: str, rung: Rung, reminders: tuple[DueReminder, ...], facts: Facts, now: datetime
) -> ReminderLetter:
    reader = facts.recipients.get(customer)
    keys = [f"{it.finding.key} {rfc3339(it.finding.since)}" for it in reminders]
    number = stable_id("CR", rung, recipient, *keys, length=8).upper()
    letter = Letter(
        kind=CommandKind.NOTIFY,
        workflow=WORKFLOW,
        language=reader.language if reader else facts.operators.language,
        values={
            "number": number,
            "rung": rung.value,
            "reader": reader.name if reader and rung is Rung.CONTACT else in_a_message_as_account(recipient),
            "matters": [_matter(it.finding) for it in reminders[:LISTED]],
            "more": max(0, len(reminders) - LISTED),
        },
        organization=customer,
        phase=f"{rung} {number}",
        precedence=Precedence.COURTESY,
    )
    (command,) = compose(letter, (recipient,), facts, now)
    return ReminderLetter(command, reminders)


def _matter(finding: AccountFinding) -> dict[str, object]:
    return {
        "account": in_a_message_as_account(finding.key.user),
        "rule": finding.key.rule,
        "since": rfc3339(finding.since),
    }
