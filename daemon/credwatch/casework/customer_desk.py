"""What is done for customers on their pages: the casework behind `web/portal`, all together."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import Connection

from credwatch.casework.access_desk import AccessDesk
from credwatch.casework.address_desk import AddressDesk
from credwatch.casework.archive import EvidenceArchive
from credwatch.casework.notice_desk import NoticeDesk
from credwatch.casework.report_desk import ReportDesk
from credwatch.kernel.secret import Secret
from credwatch.ledger.entry import ActKind
from credwatch.sources.push.tokens import Tokens
from credwatch.store.portal import reports
from credwatch.web.portal.interface import CustomerContact


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
        return file

    def token_owner(self, token: str) -> str:
        """Return the customer whose token for reports this is; empty where it is nobody's."""
        return self._known_tokens().source_of(Secret(token))

    def _known_tokens(self) -> Tokens:
        """Give what knows the tokens as the register has them now: it remembers which it has hashed."""
        hashes = {name: reader.report_token_hashes for name, reader in self._facts().recipients.items()}
        if self._tokens is None or self._tokens[0] != hashes:
            self._tokens = (hashes, Tokens(hashes))
        return self._tokens[1]
