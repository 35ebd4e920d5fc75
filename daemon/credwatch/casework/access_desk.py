"""Lets staff ask for access, others agree to it, customers say yes or no, and the daemon end it.

A step is one transaction: the request as it is by then, the audit trail's entry, and the letters. So of two people who
decide at once one wins, and the other hears what has become of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from copy import copy
from datetime import datetime
from typing import Self

from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.casework import access_keeping
from credwatch.casework.contact_desk import ContactDesk
from credwatch.enrich.stateless.authorisation import ACTIONS_DUE
from credwatch.kernel.access import (
    AccessForbidden,
    AccessGround,
    AccessRequest,
    AccessState,
    CodeRefused,
    OtherAccess,
)
from credwatch.kernel.account import Account
from credwatch.kernel.ids import stable_id
from credwatch.kernel.secret import Secret
from credwatch.kernel.staff_change import FormerMember
from credwatch.policy.gate import CodeCheck
from credwatch.policy.totp import MfaOutcome
from credwatch.store.cases import access_requests
from credwatch.store.cases.access_requests import StoredAccess
from credwatch.store.portal import submissions
from credwatch.web.portal.interface import CustomerContact
from credwatch.world import access
from credwatch.world.access import member_of
from credwatch.world.entries import folded
from credwatch.world.staff import StaffMember

_SAID = {
    MfaOutcome.WRONG: "the code is wrong",
    MfaOutcome.REPLAYED: "the code was used before",
    MfaOutcome.THROTTLED: "too many wrong codes: no code is looked at for a while",
    MfaOutcome.LOCKED: "the factor is locked after too many wrong codes",
    MfaOutcome.NOT_ENROLLED: "no confirmed factor is enrolled",
}
_HINTS = {
    MfaOutcome.REPLAYED: "wait for the next code",
    MfaOutcome.LOCKED: "credwatch totp unlock, once you know who it is",
    MfaOutcome.NOT_ENROLLED: "credwatch totp enrol --user {}, then credwatch totp verify --first",
}

_Decide = Callable[[AccessRequest, datetime], AccessRequest]


class AccessDesk(ContactDesk):
    """Works on the daemon's own store and knowledge, or on a store that a daemon uses at the same time.

    What may not be raises AccessForbidden, with nothing changed.
    """

    _through = ""

    def through(self, system: str) -> Self:
        """Give a desk whose requests and steps say that a ticket system has told of them."""
        desk = copy(self)
        desk._through = system
        return desk

    def ask(
        self,
        request: AccessRequest,
        by: str,
        code: Secret | None = None,
        check: CodeCheck | None = None,
        *,
        key: str = "",
    ) -> str:
        """Ask for access and return its number; who asks is named by an account or id. Moments and number are given.

        An emergency needs a code of who asks, and holds at once. `key` names one sending of a ticket system: sent again
        it is the same request, and raises OtherAccess where it came with another one.
        """
        now, staff, facts = self._clock(), self._facts().staff, self._facts()
        member = member_of(staff, by)
        actors = tuple(dict.fromkeys(member_of(staff, name).id for name in request.actors or (member.id,)))
        number = stable_id("AR", self._through, key or secrets.token_hex(8), length=8).upper()
        asked = replace(request, id=number, asked_by=member.id, asked_at=now, actors=actors, through=self._through)
        with self._database.reading() as connection:
            if _is_repeat(connection, asked):
                return number
        access.check_request(asked, staff, facts.recipients.keys(), ACTIONS_DUE)
        if asked.ground is AccessGround.EMERGENCY:
            self._prove(member, by, code, check)
            asked = access.emergency(asked, now)
        with self._database.writing() as connection:
            if not _is_repeat(connection, asked):
                access_keeping.open_request(connection, asked, self._facts(), now)
        self._on_queued()
        return number

    def approve(self, number: str, by: str, code: Secret, check: CodeCheck, text: str = "") -> AccessRequest:
        """Have a member of the staff agree; a code is looked at only where its owner may agree at all."""
        member = member_of(self._facts().staff, by)

        def decide(request: AccessRequest, now: datetime) -> AccessRequest:
            return access.approved(request, member.id, now, text)

        decide(self.request(number).request, self._clock())
        self._prove(member, by, code, check)
        return self._decided(number, decide)

    def customer_said_yes(
        self, number: str, address: str, by: str, code: Secret, check: CodeCheck, text: str
    ) -> AccessRequest:
        """Note that a contact agreed on another way than the pages, as a member of the staff heard it and proves to be.

        The customer is told, so that a word which nobody gave comes out.
        """
        member = member_of(self._facts().staff, by)

        def decide(request: AccessRequest, now: datetime) -> AccessRequest:
            contact = self.contact(request.customer, address)
            if contact is None:
                raise AccessForbidden(
                    f"{address} is no contact of {request.customer}", where=number, hint="credwatch contacts list"
                )
            if member.id == request.asked_by or member.id in request.actors:
                raise AccessForbidden(
                    f"{member.id} asks for it or would act", where=number, hint="another person says it"
                )
            return access.customer_approved(request, contact.actor, now, f"heard by {member.id}: {text}")

        decide(self.request(number).request, self._clock())
        self._prove(member, by, code, check)
        return self._decided(number, decide)

    def refuse(self, number: str, by: str, text: str) -> AccessRequest:
        """Refuse what waits; who has asked withdraws it."""
        member = member_of(self._facts().staff, by)
        return self._decided(number, lambda request, now: access.refused(request, member.id, now, text))

    def revoke(self, number: str, by: str, text: str) -> AccessRequest:
        """End access before its time."""
        member = member_of(self._facts().staff, by)
        return self._decided(number, lambda request, now: access.revoked(request, member.id, now, text))

    def review(self, number: str, by: str, code: Secret, check: CodeCheck, text: str) -> AccessRequest:
        """Note how it went, as somebody found who neither asked nor acted, and proves it with a code."""
        member = member_of(self._facts().staff, by)

        def decide(request: AccessRequest, now: datetime) -> AccessRequest:
            return access.reviewed(request, member.id, now, text)

        decide(self.request(number).request, self._clock())
        self._prove(member, by, code, check)
        return self._decided(number, decide)

    def request(self, number: str) -> StoredAccess:
        """Return a request and its use; raises AccessForbidden where there is none by that number."""
        with self._database.reading() as connection:
            return _stored(connection, number)

    def requests(
        self, limit: int, states: Sequence[AccessState] = (), customers: Sequence[str] = ()
    ) -> list[StoredAccess]:
        """Return the latest requests, in some states or of some customers where any is named, the latest first."""
        with self._database.reading() as connection:
            return access_requests.latest_requests(connection, limit, states, customers)

    def is_secret(self, request: AccessRequest) -> bool:
        """Say whether an order forbids to tell the customer of a request now."""
        with self._database.reading() as connection:
            return access_keeping.is_secret(connection, request, self._clock())

    def requests_of(self, customer: str) -> Sequence[StoredAccess]:
        """Return what a customer may see of the access to its accounts, the latest first."""
        now = self._clock()
        with self._database.reading() as connection:
            every = access_requests.requests_of(connection, customer)
            return [one for one in every if not access_keeping.is_secret(connection, one.request, now)]

    def decide_as_customer(
        self, contact: CustomerContact, number: str, agrees: bool, text: str, submission: str
    ) -> AccessRequest:
        """Have a contact agree or refuse on the pages; what a browser sends twice is done once."""

        def decide(request: AccessRequest, now: datetime) -> AccessRequest:
            step = access.customer_approved if agrees else access.customer_refused
            return step(request, contact.actor, now, text)

        now = self._clock()
        with self._database.writing() as connection:
            stored = _stored(connection, number)
            if stored.request.customer != contact.customer or access_keeping.is_secret(connection, stored.request, now):
                raise _unknown(number)
            if not submissions.is_first(connection, submission, now):
                return stored.request
            after = access_keeping.keep(connection, stored, decide(stored.request, now), self._facts(), now)
        self._on_queued()
        return after

    def look_after(self) -> int:
        """End what is over, tell customers of it, and call for reviews; return how many requests changed.

        Where nothing is due that takes no lock.
        """
        now = self._clock()
        with self._database.reading() as connection:
            if not access_requests.requests_due(connection, now):
                return 0
        with self._database.writing() as connection:
            due = access_requests.requests_due(connection, now)
            changed = sum(access_keeping.look_after(connection, stored, self._facts(), now) for stored in due)
        if changed:
            self._on_queued()
        return changed

    def _decided(self, number: str, decide: _Decide) -> AccessRequest:
        now = self._clock()
        with self._database.writing() as connection:
            stored = _stored(connection, number)
            after = self._signed(stored.request, decide(stored.request, now))
            access_keeping.keep(connection, stored, after, self._facts(), now)
        self._on_queued()
        return after

    def _signed(self, before: AccessRequest, after: AccessRequest) -> AccessRequest:
        """Note at the new steps which ticket system tells of them."""
        done, new = after.steps[: len(before.steps)], after.steps[len(before.steps) :]
        return replace(after, steps=(*done, *(replace(step, through=self._through) for step in new)))

    def _prove(self, member: StaffMember | FormerMember, by: str, code: Secret | None, check: CodeCheck | None) -> None:
        """Raise CodeRefused where a code does not prove who somebody is.

        The factor is that of the account named, or of the person's first account where the id was named.
        """
        names = {folded(name): name for name in member.accounts}
        name = names.get(folded(by), member.accounts[0])
        if code is None or check is None:
            raise CodeRefused("it needs a code", where=member.id, hint="of the app that is enrolled at the gate")
        outcome = check(Account.of("", name), code)
        if outcome is not MfaOutcome.ACCEPTED:
            hint = _HINTS.get(outcome, "").format(name)
            raise CodeRefused(_SAID[outcome], where=f"{member.id} ({name})", hint=hint)


def _is_repeat(connection: Connection, asked: AccessRequest) -> bool:
    """Say whether a request is there already; raises OtherAccess where another one is."""
    stored = access_requests.access_request(connection, asked.id)
    if stored is not None and stored.request.sending != asked.sending:
        raise OtherAccess(
            "its key has come with another request before", where=asked.id, hint="use a new key for a new request"
        )
    return stored is not None


def _stored(connection: Connection, number: str) -> StoredAccess:
    stored = access_requests.access_request(connection, number)
    if stored is None:
        raise _unknown(number)
    return stored


def _unknown(number: str) -> AccessForbidden:
    return AccessForbidden("there is no such request", where=number, hint="credwatch access list")
