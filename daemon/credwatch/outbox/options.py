"""The options of the channels that messages leave by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from credwatch.kernel.loopback import is_loopback
from credwatch.kernel.mailbox import MailAddress, OptionalMailAddress
from credwatch.kernel.options import Options
from credwatch.kernel.return_path import room_for_a_token


class EmailOptions(Options):
    """The `[outbox.email]` table: which mail server takes the messages."""

    host: str = "localhost"
    """Its name; the certificate must carry it."""
    port: int = Field(default=587, ge=1, le=65535)
    """Its port: 587 with starttls, 465 with tls (RFC 8314)."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is protected; none is allowed on the loopback interface only."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, in PEM."""
    username: str = ""
    """Account at the mail server; empty for none."""
    password_file: Path | None = None
    """File that holds its password; the application reads it and hands the password in."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """How long each step of the dialogue may take."""
    sender: MailAddress = "info@modoro.com.vn"
    """The From address, on the domain the recipients know."""
    sender_name: str = "Công ty TNHH MODORO DIGITAL"
    """The name beside it."""
    reply_to: OptionalMailAddress = ""
    """Where answers go; empty for the From address."""
    bounces: OptionalMailAddress = ""
    """Where messages come back to that cannot be delivered; empty for the From address, and then nobody reads them."""

    @field_validator("bounces")
    @classmethod
    def _with_room(cls, address: str) -> str:
        return room_for_a_token(address)

    @model_validator(mode="after")
    def _protected(self) -> EmailOptions:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError('security = "none" is for a server on the loopback interface; use starttls or tls')
        if self.security == "none" and self.username:
            raise ValueError('a password is never sent in clear text: security = "none" takes no username')
        return self


class FallbackOptions(Options):
    """The `[outbox.fallback]` table: how the operators hear while the mail server takes nothing."""

    after_seconds: float = Field(default=30.0, ge=1, le=3600)
    """How long nothing may be accepted before mail counts as down; refusals of two recipients alike do after five."""
    email: EmailOptions | None = None
    """A second mail server, which takes every message that the first one does not."""
    command: tuple[str, ...] = ()
    """A program and its arguments, which gets each escalation as text on standard input."""
    file: Path | None = None
    """A file that each escalation is appended to."""
    wall: bool = False
    """Whether escalations are written to the terminals of all who are logged in, by wall(1)."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """How long a program or the file may take."""
