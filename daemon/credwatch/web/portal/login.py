"""How a contact logs in: a link in the mail, opened in the browser that asked for it, then a second factor.

Whether an address is known does not show: the answer is the same page, after the same time.
"""

from __future__ import annotations

import time
from datetime import timedelta

from msgspec.structs import replace
from starlette.responses import RedirectResponse, Response

from credwatch.ledger.entry import ActKind
from credwatch.store.portal import sessions
from credwatch.store.portal.sessions import AskedLink, LinkOutcome, LiveSession, Stage
from credwatch.web.portal import browser
from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.guard import pace_key
from credwatch.web.portal.interface import CustomerContact
from credwatch.web.portal.visit import Visit
from credwatch.web.push.pace import Pace

_SECONDS = 0.3
"""Each answer takes so long at least."""
_FOR_SECOND = timedelta(minutes=15)
"""So much time there is for the second factor."""
_LONGEST = 254


class LoginPages:
    """From the address to the second factor, and out again."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door
        self._by_address, self._by_mailbox = Pace(1 / 60, 10), Pace(1 / 300, 3)

    def form(self, visit: Visit) -> Response:
        """Ask for the address."""
        return self._door.page(visit, "login", {"address": "", "state": ""})

    def asked(self, visit: Visit) -> Response:
        """Send a link to the address, if it is a contact's."""
        until = time.monotonic() + _SECONDS
        address = visit.first("address")[:_LONGEST]
        key, mailbox = pace_key(visit.address), address.casefold()
        if self._by_address.wait_of(key):
            return self._door.page(visit, "login", {"address": address, "state": "wait"}, 429)
        self._by_address.take(key)
        contacts = self._door.desk.contacts_at(address)
        if contacts and not self._by_mailbox.wait_of(mailbox):
            self._by_mailbox.take(mailbox)
            for contact in contacts:
                self._send(visit, contact)
        time.sleep(max(0.0, until - time.monotonic()))
        minutes = int(self._door.options.link_valid.total_seconds() // 60)
        return self._door.page(visit, "login_sent", {"address": address, "minutes": minutes})

    def _send(self, visit: Visit, contact: CustomerContact) -> None:
        token = browser.new_token()
        url = f"{self._door.options.public_url}/login/link/{token}"
        ends_at = self._door.clock() + self._door.options.link_valid
        link = AskedLink(
            browser.digest(token), browser.digest(visit.browser), contact.customer, contact.address, ends_at
        )
        self._door.desk.send_link(contact, link, url, visit.address)

    def link(self, visit: Visit) -> Response:
        """Show a button: a program that looks at links in letters uses none up."""
        outcome, _ = self._looked_at(visit)
        if outcome is not LinkOutcome.TAKEN:
            return self._door.page(visit, "login_refused", {"outcome": outcome.value}, 403)
        return self._door.page(visit, "login_link", {"token": visit.part("token")})

    def _looked_at(self, visit: Visit) -> tuple[LinkOutcome, AskedLink | None]:
        with self._door.database.reading() as connection:
            link, asker = browser.digest(visit.part("token")), browser.digest(visit.browser)
            return sessions.look_at_link(connection, link, asker, self._door.clock())

    def link_taken(self, visit: Visit) -> Response:
        """Use the link up, and ask for the second factor."""
        now = self._door.clock()
        with self._door.database.writing() as connection:
            token = browser.digest(visit.part("token"))
            outcome, link = sessions.take_link(connection, token, browser.digest(visit.browser), now)
        contact = self._door.desk.contact(link.customer, link.address) if link else None
        if outcome is not LinkOutcome.TAKEN or contact is None:
            if contact is not None:
                details = {"outcome": outcome.value, "from": visit.address}
                self._door.desk.logged(contact, ActKind.CONTACT_LINK_REFUSED, details)
            refused = outcome if outcome is not LinkOutcome.TAKEN else LinkOutcome.UNKNOWN
            return self._door.page(visit, "login_refused", {"outcome": refused.value}, 403)
        response = RedirectResponse("/login/second", 303)
        self.begin(response, visit, contact, Stage.LINK)
        return response

    def begin(self, response: Response, visit: Visit, contact: CustomerContact, stage: Stage) -> None:
        """Begin a session with a token of its own, in place of the one before."""
        now, token = self._door.clock(), browser.new_token()
        span = _FOR_SECOND if stage is Stage.LINK else self._door.options.session
        session = LiveSession(browser.digest(token), contact.customer, contact.address, stage, now, now, now + span)
        with self._door.database.writing() as connection:
            if visit.session is not None:
                sessions.end_session(connection, visit.session.id)
            sessions.begin_session(connection, session)
        browser.remember(response, browser.SESSION, token, strict=True)
        visit.session = replace(session)
        if stage is Stage.FULL:
            self._door.desk.logged(contact, ActKind.CONTACT_LOGGED_IN, {"from": visit.address})

    def out(self, visit: Visit) -> Response:
        """End the session."""
        contact = self._door.contact_of(visit)
        if visit.session is not None:
            with self._door.database.writing() as connection:
                sessions.end_session(connection, visit.session.id)
            if contact is not None:
                self._door.desk.logged(contact, ActKind.CONTACT_LOGGED_OUT, {})
        response = RedirectResponse("/", 303)
        browser.forget(response, browser.SESSION)
        response.headers["Clear-Site-Data"] = '"cache"'
        return response
