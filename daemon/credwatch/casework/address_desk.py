"""Keeps notice addresses and telephone numbers: a change is told to the old addresses and waits, and may be called off.

What holds stands beside the register: the register's addresses, and every change that holds, in the order of time.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from credwatch.casework.contact_desk import ContactDesk
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.ids import stable_id
from credwatch.kernel.mailbox import mailbox
from credwatch.kernel.telephone import dialled
from credwatch.ledger.entry import MACHINE, Act, ActKind
from credwatch.store import audit
from credwatch.store.portal import changes, submissions
from credwatch.store.portal.changes import ChangeOf, ChangeState, ContactChange, addresses_after
from credwatch.web.portal.interface import ChangeRefused, CustomerContact
from credwatch.workflows.message import letter_id, same_code, verification_code
from credwatch.workflows.portal_letters import NEWS, PortalNews

_MOST_WAITING = 10
_FEWEST = 2
"""So many notice addresses stay at least, as the register asks."""


class AddressDesk(ContactDesk):
    """Changes that wait, hold, or are called off."""

    def addresses(self, customer: str) -> tuple[tuple[str, ...], str, Sequence[ContactChange]]:
        """Return notice addresses and telephone number as they hold, and the changes, the latest first."""
        reader = self._facts().recipients[customer]
        with self._database.reading() as connection:
            return reader.addresses, reader.phone, changes.changes_of(connection, customer)

    def change(self, contact: CustomerContact, kind: ChangeOf, value: str, submission: str) -> ContactChange | None:
        """Ask for a change; raises ChangeRefused where it cannot be, None where it was asked for before."""
        now, customer = self._clock(), contact.customer
        change = ContactChange(
            id=stable_id("CC", customer, secrets.token_hex(8), length=8).upper(),
            customer=customer,
            kind=kind,
            value=value,
            asked_by=contact.address,
            asked_at=now,
            due_at=now + self._settings.portal.change_waits,
        )
        with self._database.writing() as connection:
            if not submissions.is_first(connection, submission, now):
                return None
            self._check(connection, change)
            changes.add_change(connection, change)
            self._note(connection, ActKind.CONTACT_CHANGE_ASKED, change, contact.actor, now)
            self._tell_of_change(connection, PortalNews.CHANGE_ASKED, change, now)
        self._on_queued()
        return change

    def _check(self, connection: Connection, change: ContactChange) -> None:
        waiting = [one for one in changes.changes_of(connection, change.customer) if one.state is ChangeState.WAITING]
        now = self._facts().recipients[change.customer]
        then = addresses_after(now.addresses, waiting)
        if len(waiting) >= _MOST_WAITING:
            raise ChangeRefused("too_many")
        if any((one.kind, one.value.casefold()) == (change.kind, change.value.casefold()) for one in waiting):
            raise ChangeRefused("waits_already")
        _check_value(change, {address.casefold() for address in now.addresses}, len(then))

    def cancel_change(self, change: str, *, customer: str = "", code: str = "", by: str = "") -> bool:
        """Call a waiting change off: for a contact of the customer, or whoever has the code of a letter about it."""
        now = self._clock()
        with self._database.writing() as connection:
            waiting = changes.change_numbered(connection, change)
            if waiting is None or not (waiting.customer == customer or self._is_code_of(waiting, code)):
                return False
            who = f"contact {by}" if by else "whoever has its code"
            if not changes.end_change(connection, change, ChangeState.CANCELLED, who, now):
                return False
            self._note(connection, ActKind.CONTACT_CHANGE_ENDED, waiting, who, now, state=ChangeState.CANCELLED.value)
            self._tell_of_change(connection, PortalNews.CHANGE_CANCELLED, waiting, now)
        self._on_queued()
        return True

    def take_up_changes(self) -> bool:
        """Have the changes hold whose time has come; tell old and new addresses. Say whether there were any."""
        now = self._clock()
        with self._database.writing() as connection:
            due = [one for one in changes.changes_in(connection, ChangeState.WAITING) if one.due_at <= now]
            for change in due:
                changes.end_change(connection, change.id, ChangeState.DONE, "", now)
                self._note(connection, ActKind.CONTACT_CHANGE_ENDED, change, MACHINE, now, state=ChangeState.DONE.value)
                self._tell_of_change(connection, PortalNews.CHANGE_DONE, change, now)
        if due:
            self._on_queued()
        return bool(due)

    def change_codes(self, connection: Connection, number: str) -> list[str]:
        """Return the codes of the letters about a change."""
        change = changes.change_numbered(connection, number)
        return [] if change is None else self._codes_of(change)

    def _is_code_of(self, change: ContactChange, code: str) -> bool:
        return any([same_code(code, theirs) for theirs in self._codes_of(change)])

    def _codes_of(self, change: ContactChange) -> list[str]:
        """Return the codes of the letters that asked whether it may be; they went to the addresses as they were."""
        facts = self._facts()
        phase = f"{PortalNews.CHANGE_ASKED.value} {change.id}"
        reader = facts.recipients.get(change.customer)
        addresses = reader.addresses if reader else ()
        letters = (letter_id(NEWS, "", change.customer, address, phase) for address in addresses)
        return [verification_code(facts.notice_key, letter) for letter in letters]

    def _note(
        self, connection: Connection, kind: ActKind, change: ContactChange, actor: str, now: datetime, **more: object
    ) -> None:
        details = {"change": change.id, "kind": change.kind.value, "value": change.value, **more}
        audit.append(connection, Act(now, kind, actor, customers=(change.customer,), details=details))

    def _tell_of_change(self, connection: Connection, what: PortalNews, change: ContactChange, now: datetime) -> None:
        values = {
            "number": change.id,
            "change": change.kind.value,
            "value": change.value,
            "by": change.asked_by,
            "at": rfc3339(change.asked_at),
            "due_at": rfc3339(change.due_at) if what is PortalNews.CHANGE_ASKED else "",
        }
        self._tell(connection, what, change.customer, change.id, values, now)


def _check_value(change: ContactChange, present: set[str], then: int) -> None:
    """Raise ChangeRefused where the value is none that can be written to or dialled, or does not change anything."""
    is_known = change.value.casefold() in present
    match change.kind:
        case ChangeOf.ADDED:
            _attempt(mailbox, change.value, "no_address")
            if is_known:
                raise ChangeRefused("known")
        case ChangeOf.REMOVED:
            if not is_known:
                raise ChangeRefused("unknown")
            if then <= _FEWEST:
                raise ChangeRefused("too_few")
        case ChangeOf.PHONE:
            _attempt(dialled, change.value, "no_phone")


def _attempt(check: Callable[[str], str], value: str, reason: str) -> None:
    try:
        check(value)
    except ValueError as error:
        raise ChangeRefused(reason) from error
