"""Mails as they come in, and a desk that takes them: valid by default."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from credwatch.casework.mail_desk import MailDesk
from credwatch.inbox.mail import Mail
from credwatch.inbox.reading import read_mail
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.kernel.return_path import ReturnPath
from credwatch.kernel.secret import Secret
from credwatch.store.mails import StoredMail, latest_mails
from portal_site import CONTACT, PortalSite

SERVER = "mail.modoro.example"
BOUNCES = "bounces@modoro.example"
LONGEST = 1_000_000
PROVEN = f"{SERVER}; dkim=pass header.d=haiau.example"

DSN = """\
Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@{server} (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b/{server}"
Message-Id: <{id}@{server}>

--b/{server}
Content-Type: text/plain; charset=us-ascii

This is the mail system. I'm sorry to have to inform you.

--b/{server}
Content-Type: message/delivery-status

Reporting-MTA: dns; {server}
Original-Envelope-Id: {envelope}

Final-Recipient: rfc822; it@haiau.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {reason}

--b/{server}--
"""


def a_mail(text: str = "Đó không phải chúng tôi.", **headers: str) -> bytes:
    """Build a mail of a contact that our own server found proven; headers with `_` for `-`, None leaves one out."""
    message = EmailMessage(policy=SMTP)
    values: dict[str, str | None] = {
        "Authentication-Results": PROVEN,
        "From": f"Lan <{CONTACT}>",
        "To": "info@modoro.example",
        "Subject": "Re: thông báo",
        "Message-ID": "<1@haiau.example>",
    }
    values |= {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in values.items():
        if value is not None:
            message[name] = value
    message.set_content(text)
    return bytes(message)


def a_dsn(to: str, **changes: str) -> bytes:
    """Build a report of a delivery that failed, to an address."""
    values = {"server": SERVER, "id": "4F00", "envelope": "", "action": "failed", "status": "5.1.1"}
    values |= {"reason": "550 5.1.1 no such user here", "to": to} | changes
    return DSN.format(**values).encode()


def read(raw: bytes) -> Mail:
    """Read a mail as the daemon does."""
    return read_mail(raw, SERVER, LONGEST)


class MailSite(PortalSite):
    """Two customers, with mail that comes in."""

    def __init__(self, folder: Path, monkeypatch: Any, **inbox: Any) -> None:
        super().__init__(folder, monkeypatch)
        email = self.settings.outbox.email.model_copy(update={"bounces": BOUNCES})
        outbox = self.settings.outbox.model_copy(update={"email": email})
        options = self.settings.inbox.model_copy(update={"authserv_id": SERVER} | inbox)
        self.settings = self.settings.model_copy(update={"outbox": outbox, "inbox": options})
        self.mail_desk = MailDesk(self.settings, self.database, lambda: self.facts, self.clock)

    def take(self, raw: bytes) -> MailOutcome:
        """Take a mail in."""
        return self.mail_desk.take(read(raw))

    def return_path(self, message: str) -> str:
        """Return where a message comes back to."""
        return ReturnPath(BOUNCES, Secret("notice key")).of(message)

    def mails(self) -> list[StoredMail]:
        """Return what is kept of the mails."""
        with self.database.reading() as connection:
            return latest_mails(connection, "", 100)
