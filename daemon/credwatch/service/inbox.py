"""Puts the taking in of mail together, as a part of the daemon."""

from __future__ import annotations

from credwatch.app.settings import Settings
from credwatch.casework.mail_desk import MailDesk
from credwatch.inbox.maildir import Maildir
from credwatch.service.parts.interface import LivingPart, Pulse
from credwatch.service.parts.mailing import InboxPart, Postbox
from credwatch.telemetry.metrics import Metrics


def inbox_parts(settings: Settings, desk: MailDesk, metrics: Metrics) -> list[LivingPart]:
    """Make the part that reads mail; none where no maildir is named."""
    options = settings.inbox
    if options.maildir is None:
        return []
    maildir = Maildir(options.maildir, options.message_bytes)
    return [
        InboxPart(Postbox(maildir, options.authserv_id, options.message_bytes, desk.take, metrics.mail_taken), Pulse())
    ]
