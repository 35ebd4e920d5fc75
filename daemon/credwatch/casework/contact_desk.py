"""Knows the contacts of customers, sends them links to log in, and tells them what happens in their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from credwatch.app.settings import Settings
from credwatch.kernel.clock import Clock, rfc3339
from credwatch.kernel.ids import stable_id
from credwatch.ledger.entry import Act, ActKind
from credwatch.store import audit, outbox
from credwatch.store.database import Database
from credwatch.store.portal import sessions
from credwatch.store.portal.sessions import AskedLink
from credwatch.web.portal.interface import CustomerContact
from credwatch.workflows.facts import Facts
from credwatch.workflows.portal_letters import PortalNews, login_link, portal_news
from credwatch.workflows.touched import safe_addresses

_NEW_FACTOR = (ActKind.FACTOR_CONFIRMED, ActKind.PASSKEY_MADE)


class ContactDesk:
    """Works for contacts on the daemon's own store and knowledge."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        facts: Callable[[], Facts],
        clock: Clock,
        on_queued: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the daemon's own store and knowledge; `on_queued` is told where a letter waits to leave."""
        self._settings = settings
        self._database = database
        self._known = facts
        self._clock = clock
        self._on_queued = on_queued

    def _facts(self) -> Facts:
        return self._known()

    def contacts_at(self, address: str) -> Sequence[CustomerContact]:
        """Return whom an address speaks for."""
        wanted = address.casefold()
        return [
            CustomerContact(reader.organization, reader.name, registered, reader.language)
            for reader in self._facts().recipients.values()
            for registered in safe_addresses(reader)
            if registered.casefold() == wanted
        ]

    def send_link(self, contact: CustomerContact, link: AskedLink, url: str, asked_from: str) -> None:
        """Keep a link to log in, and queue its letter."""
        now = self._clock()
        values = {
            "url": url,
            "minutes": int((link.ends_at - now).total_seconds() // 60),
            "asked_from": asked_from,
            "ends_at": rfc3339(link.ends_at),
        }
        letters = login_link(contact.customer, contact.address, link.id, values, self._facts(), now)
        with self._database.writing() as connection:
            sessions.add_link(connection, link, now)
            outbox.queue(connection, letters)
        self._on_queued()

    def logged(self, contact: CustomerContact, what: ActKind, details: Mapping[str, object]) -> None:
        """Write what a contact did into the audit trail; a new factor is told to all of the customer's addresses."""
        now, customer = self._clock(), contact.customer
        with self._database.writing() as connection:
            if what is not ActKind.FACTOR_CONFIRMED:  # which the store of factors has written itself
                audit.append(connection, Act(now, what, contact.actor, customers=(customer,), details=dict(details)))
            if what in _NEW_FACTOR:
                number = stable_id("CF", customer, contact.address, now.isoformat(), length=8).upper()
                values = {"number": number, "by": contact.address, "at": rfc3339(now)}
                self._tell(connection, PortalNews.FACTOR_MADE, customer, number, values, now)
        self._on_queued()

    def _tell(
        self,
        connection: Connection,
        what: PortalNews,
        customer: str,
        phase: str,
        values: Mapping[str, object],
        now: datetime,
        incident: str = "",
    ) -> None:
        """Queue a letter to each safe address of a customer."""
        facts = self._facts()
        if (reader := facts.recipients.get(customer)) is not None:
            addresses = safe_addresses(reader)
            outbox.queue(connection, portal_news(what, customer, addresses, phase, values, facts, now, incident))

    def contact(self, customer: str, address: str) -> CustomerContact | None:
        """Return a contact while it is one."""
        return next((contact for contact in self.contacts_at(address) if contact.customer == customer), None)
