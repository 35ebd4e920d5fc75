"""What is done for customers on their pages: the casework behind `web/portal`, all together."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection

from credwatch.casework.access_desk import AccessDesk
from credwatch.casework.acts import Actor
from credwatch.casework.address_desk import AddressDesk
from credwatch.casework.archive import EvidenceArchive
from credwatch.casework.notice_desk import NoticeDesk
from credwatch.casework.recording import Recorded, Recording
from credwatch.casework.report_desk import ReportDesk
from credwatch.incidents.lifecycle import IllegalTransition
from credwatch.kernel.case_entry import EntryKind
from credwatch.kernel.moment import DutyPhase
from credwatch.kernel.secret import Secret
from credwatch.ledger.entry import ActKind
from credwatch.sources.push.tokens import Tokens
from credwatch.store.cases import case_entries, legal_clocks
from credwatch.store.portal import reports
from credwatch.web.portal.interface import CustomerContact

_PACKAGE = "package"
"""The phase in which a processor hands over what its customer needs."""


class CustomerDesk(NoticeDesk, ReportDesk, AddressDesk, AccessDesk):
    """Keeps the contract of `web.portal.interface.PortalDesk`."""

    _tokens: tuple[Mapping[str, tuple[str, ...]], Tokens] | None = None

    def _codes(self, connection: Connection, number: str) -> Iterator[str]:
        yield from super()._codes(connection, number)
        yield from self.change_codes(connection, number)
        if reports.report_numbered(connection, number) is not None:
            yield self._code(number)

    def evidence(self, contact: CustomerContact, number: str) -> Path | None:
        """Pack the evidence of a case for one customer into a file that the caller deletes; None as for `notice`."""
        if self.notice(contact.customer, number) is None:
            return None
        folder = self._settings.daemon.state_directory / "portal"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / f"{secrets.token_hex(8)}.zip"
        archive = EvidenceArchive(self._settings, self._database)
        if archive.pack(number, file, lambda _case: (), customer=contact.customer) is None:
            return None
        self.logged(contact, ActKind.EVIDENCE_GIVEN, {"incident": number})
        self._handed_over(contact, number)
        return file

    def _handed_over(self, contact: CustomerContact, number: str) -> None:
        """Note that a contact took the package that was made for its customer: that meets the duty to hand it over."""
        now, customer = self._clock(), contact.customer
        with self._database.reading() as connection:
            entries = case_entries.entries_of(connection, number)
            clocks = legal_clocks.clocks_of(connection, number)
        if not any(entry.kind is EntryKind.PACKAGED and entry.customer == customer for entry in entries):
            return
        book = Recording(self._settings, self._database)
        for clock in clocks:
            if clock.phase == _PACKAGE and clock.organization == customer and clock.met_at is None:
                about = DutyPhase(clock.regime, clock.phase)
                why = f"{contact.address} took the package on the pages"
                with suppress(IllegalTransition):  # a late one asks for a reason, which a person gives
                    book.record(number, Actor(contact.actor, now), Recorded(clock.stops, now, why, about, customer))

    def token_owner(self, token: str) -> str:
        """Return the customer whose token for reports this is; empty where it is nobody's."""
        return self._known_tokens().source_of(Secret(token))

    def _known_tokens(self) -> Tokens:
        """Give what knows the tokens as the register has them now: it remembers which it has hashed."""
        hashes = {name: reader.report_token_hashes for name, reader in self._facts().recipients.items()}
        if self._tokens is None or self._tokens[0] != hashes:
            self._tokens = (hashes, Tokens(hashes))
        return self._tokens[1]
