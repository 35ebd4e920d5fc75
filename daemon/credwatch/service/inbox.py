"""Puts the taking in of mail together: a part of the daemon for each way that it comes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.casework.mail_desk import MailDesk
from credwatch.inbox.imap.mailbox import ImapMailbox
from credwatch.inbox.interface import IncomingMailbox
from credwatch.inbox.mail import Mail
from credwatch.inbox.maildir import Maildir
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.service.parts.interface import LivingPart, Pulse
from credwatch.service.parts.lmtp import HandedOver, LmtpPart
from credwatch.service.parts.mailing import InboxPart, Postbox
from credwatch.telemetry.metrics import Metrics

_LOOK_SECONDS = 2.0
"""So often a maildir is looked into."""


def inbox_parts(settings: Settings, desk: MailDesk, metrics: Metrics) -> list[LivingPart]:
    """Make the parts that take mail in; none where no way is named."""
    options, turn = settings.inbox, threading.Lock()

    def take(mail: Mail) -> MailOutcome:
        with turn:  # the desk serves one at a time
            return desk.take(mail)

    def part(name: str, mailbox: IncomingMailbox, look_seconds: float) -> InboxPart:
        postbox = Postbox(mailbox, options.authserv_id, options.message_bytes, take, metrics.mail_taken)
        return InboxPart(name, postbox, Pulse(), look_seconds)

    parts: list[LivingPart] = [part(*mailbox) for mailbox in _mailboxes(settings)]
    if options.lmtp is not None:
        handed_over = HandedOver(options, take, metrics.mail_taken)
        parts.append(LmtpPart(options.lmtp, options.message_bytes, handed_over))
    return parts


def _mailboxes(settings: Settings) -> Iterator[tuple[str, IncomingMailbox, float]]:
    """Give each mailbox with the name of its part, and how often it is looked into."""
    options, longest = settings.inbox, settings.inbox.message_bytes
    if options.maildir is not None:
        yield "inbox", Maildir(options.maildir, longest), _LOOK_SECONDS
    if (imap := options.imap) is not None:
        yield "inbox_imap", ImapMailbox(imap, lambda: keys.imap_password(imap), longest), imap.poll_seconds
