"""A listener for mails that are handed over, as the daemon has it, with a place that keeps what it took."""

from __future__ import annotations

import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from credwatch.inbox.mail import Mail
from credwatch.inbox.options import InboxOptions, LmtpOptions
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.service.parts.lmtp import HandedOver, LmtpPart


class Taken:
    """Takes mails, as the test says."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.errors: list[Exception] = []
        self.outcomes: list[MailOutcome] = []

    def __call__(self, mail: Mail) -> MailOutcome:
        """Fail as often as the test says, then take it."""
        if self.errors:
            raise self.errors.pop(0)
        self.mails.append(mail)
        return MailOutcome.REPORTED


@asynccontextmanager
async def a_listener(socket: Path, taken: Taken, longest: int = 10_000, **options: Any) -> AsyncIterator[LmtpPart]:
    """Listen on a socket."""
    inbox = InboxOptions(authserv_id="mail.modoro.com.vn", message_bytes=longest)
    handed_over = HandedOver(inbox, taken, taken.outcomes.append)
    part = LmtpPart(LmtpOptions(socket=socket, **options), longest, handed_over)
    await part.start()
    try:
        yield part
    finally:
        await part.stop()


def a_client(socket: Path) -> smtplib.LMTP:
    """Connect as a mail server does."""
    return smtplib.LMTP(str(socket), timeout=60)
