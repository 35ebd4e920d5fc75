"""The operators' view of customers' contacts: who may log in, and how somebody who lost everything begins anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from credwatch.casework.casebook import Casebook
from credwatch.ledger.entry import Act, ActKind
from credwatch.store import audit
from credwatch.store.gate import FactorRows
from credwatch.store.portal import passkeys, sessions
from credwatch.web.portal.second_factor import contact_account


class ContactBook(Casebook):
    """Lists contacts and takes their factors away; use it in a `with` block."""

    def contacts(self) -> list[dict[str, Any]]:
        """Return each contact as JSON values: customer, address, and what they log in with."""
        rows = FactorRows(self._database)
        with self._database.reading() as connection:
            return [
                {
                    "customer": reader.organization,
                    "address": address,
                    "app": rows.is_confirmed(contact_account(reader.organization, address)),
                    "passkeys": len(passkeys.passkeys_of(connection, reader.organization, address)),
                }
                for reader in self._facts().recipients.values()
                for address in reader.addresses
            ]

    def reset(self, customer: str, address: str, *, by: str, why: str, now: datetime) -> bool:
        """Take a contact's app, passkeys and sessions away, so that the next link sets up anew; False where none was.

        Whoever asks for it has identified the person, and says how in `why`.
        """
        addresses = {one.casefold(): one for one in self._addresses(customer)}
        name = addresses.get(address.casefold(), address)
        had_app = FactorRows(self._database).change(
            contact_account(customer, name), lambda factor: (None, factor is not None)
        )
        with self._database.writing() as connection:
            keys = passkeys.forget_passkeys(connection, customer, name)
            sessions.end_sessions_of(connection, customer, name)
            details: dict[str, object] = {"account": contact_account(customer, name).user, "passkeys": keys}
            act = Act(now, ActKind.FACTOR_REMOVED, by, "", (customer,), details, {"why": why})
            if had_app or keys:
                audit.append(connection, act)
        return had_app or keys > 0

    def _addresses(self, customer: str) -> tuple[str, ...]:
        reader = self._facts().recipients.get(customer)
        return reader.addresses if reader else ()
