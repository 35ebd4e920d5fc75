"""The `[inbox]` table of `credwatch.toml`: which mail is read, and whom it is believed of."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from credwatch.kernel.loopback import is_loopback
from credwatch.kernel.options import Options


class ImapOptions(Options):
    """The `[inbox.imap]` table: a folder that an IMAP server keeps."""

    host: str = Field(min_length=1)
    """Its name; the certificate must carry it."""
    port: int = Field(default=993, ge=1, le=65535)
    """Its port: 993 with tls, 143 with starttls (RFC 8314)."""
    security: Literal["tls", "starttls", "none"] = "tls"
    """How the connection is protected; none is allowed on the loopback interface only."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, in PEM."""
    username: str = Field(min_length=1)
    """The account."""
    password_file: Path
    """File that holds its password, read for each login."""
    folder: str = "INBOX"
    """The folder that is read."""
    moved_to: str = ""
    """Where mails are moved that were taken in; empty: they stay, with a mark."""
    since: date | None = None
    """What the server received before this day is left alone."""
    poll_seconds: float = Field(default=15.0, ge=1, le=600)
    """So often it is looked whether mail has come."""
    timeout_seconds: float = Field(default=60.0, ge=1, le=120)
    """So long each step of the dialogue may take."""

    @field_validator("folder", "moved_to")
    @classmethod
    def _as_on_the_wire(cls, name: str) -> str:
        if not re.fullmatch(r"[ -~]*", name):
            raise ValueError("expected ASCII: write other letters as the server does (RFC 3501, section 5.1.3)")
        return name

    @model_validator(mode="after")
    def _protected(self) -> ImapOptions:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError('security = "none" is for a server on the loopback interface; use tls or starttls')
        if not self.folder or self.folder == self.moved_to:
            raise ValueError("moved_to is another folder than folder, and folder is not empty")
        return self


class LmtpOptions(Options):
    """The `[inbox.lmtp]` table: where a mail server on this machine hands mails over (RFC 2033)."""

    socket: Path | None = None
    """A Unix socket; only its owner and group may use it (mode 0660)."""
    socket_group: str = ""
    """The group of the socket, such as the mail server's; empty keeps the daemon's own."""
    port: int = Field(default=0, ge=0, le=65535)
    """A port of the loopback interface instead; every account of this machine can hand mails over there."""
    connections: StrictInt = Field(default=5, ge=1, le=100)
    """So many connections at once."""
    timeout_seconds: float = Field(default=120.0, ge=1, le=600)
    """So long each command of a connection may take, and the pause before it."""

    @model_validator(mode="after")
    def _one_place(self) -> LmtpOptions:
        if (self.socket is None) == (self.port == 0):
            raise ValueError("give either socket or port")
        return self


class InboxOptions(Options):
    """Where mail comes in, and what one sender may take."""

    maildir: Path | None = None
    """The maildir that the mail server delivers to; none is read where it is left out."""
    imap: ImapOptions | None = None
    """The folder at an IMAP server; none is read where it is left out."""
    lmtp: LmtpOptions | None = None
    """Where a mail server hands mails over; nowhere where it is left out."""
    authserv_id: str = ""
    """The name of our own mail server in Authentication-Results (RFC 8601, section 2.5); empty: nobody is proven."""
    message_bytes: StrictInt = Field(default=12_000_000, ge=10_000, le=100_000_000)
    """The longest mail that is read; a longer one is kept and listed."""
    receipts_per_hour: StrictInt = Field(default=5, ge=0, le=1000)
    """So many receipts one address gets in an hour: two programs that answer each other come to an end."""

    @field_validator("authserv_id")
    @classmethod
    def _one_word(cls, name: str) -> str:
        if name and not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise ValueError("expected the name of one mail server, such as mail.modoro.com.vn")
        return name
