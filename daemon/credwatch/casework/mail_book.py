"""The operators' view of the mails that came in."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from credwatch.casework.casebook import Casebook
from credwatch.kernel.clock import rfc3339
from credwatch.store.mails import latest_mails


class MailBook(Casebook):
    """Lists mails; use it in a `with` block."""

    def mails(self, outcome: str, limit: int) -> list[dict[str, Any]]:
        """Return the latest mails as JSON values, of one outcome or of all, the latest first."""
        with self._database.reading() as connection:
            latest = latest_mails(connection, outcome, limit)
        return [to_builtins(mail) | {"received_at": rfc3339(mail.received_at)} for mail in latest]
