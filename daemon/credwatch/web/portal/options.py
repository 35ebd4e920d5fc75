"""The `[portal]` table of `credwatch.toml`."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, StrictInt, field_validator, model_validator

from credwatch.kernel.duration import Duration
from credwatch.kernel.options import Options


class PortalOptions(Options):
    """Where the customers' pages are, who stands before them, and what one visitor may take."""

    enabled: bool = False
    """Whether the pages are served at all."""
    public_url: str = ""
    """What customers type, such as "https://security.modoro.com.vn"; requests for any other host are refused."""
    address: str = "127.0.0.1"
    """The address to listen on; the TLS proxy stands before it."""
    port: int = Field(default=9467, ge=0, le=65535)
    """The port; 0 picks a free one and says it in the log."""
    socket: Path | None = None
    """A Unix socket to listen on in place of address and port; only its owner and group may use it (mode 0660)."""
    socket_group: str = ""
    """The group of the socket, such as the proxy's; empty keeps the daemon's own."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose word for the visitor's address is taken; "unix" stands for whoever comes by the socket."""
    client_header: str = "x-forwarded-for"
    """The header in which they give it; the last address counts."""
    connections: StrictInt = Field(default=128, ge=4, le=4096)
    """Connections served at a time."""
    requests_per_minute: StrictInt = Field(default=120, ge=10, le=100_000)
    """Requests that one address may make in a minute."""
    cpu_share: float = Field(default=0.25, gt=0, le=4)
    """How much of one core the pages may take on average; beyond that visitors are told to come back."""
    body_bytes: StrictInt = Field(default=12_000_000, ge=100_000, le=100_000_000)
    """Longest body of a request, attachments included."""
    attachments: StrictInt = Field(default=5, ge=0, le=50)
    """So many attachments one report may have."""
    attachment_bytes: StrictInt = Field(default=4_000_000, ge=1_000, le=50_000_000)
    """Longest attachment."""
    strangers_reports_per_day: StrictInt = Field(default=200, ge=1, le=100_000)
    """Reports that are taken in a day from visitors who did not log in."""
    link_valid: Duration = timedelta(minutes=10)
    """How long a link to log in is good."""
    idle: Duration = timedelta(minutes=30)
    """After so long without a request a session is over."""
    session: Duration = timedelta(hours=12)
    """After so long a session is over whatever happens."""
    change_waits: Duration = timedelta(hours=72)
    """How long a change of a notice address or telephone number waits, while the old addresses may object."""

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, url: str) -> str:
        """Take an origin alone: https, or http on this machine."""
        if not url:
            return url
        parts = urlsplit(url)
        is_local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if (parts.scheme != "https" and not is_local) or not parts.hostname or parts.path or parts.query:
            raise ValueError("expected https://HOST without a path; write it as customers type it")
        return url.lower()

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            if network != "unix":
                try:
                    ip_network(network)
                except ValueError as error:
                    raise ValueError(f'{network!r} is no network; write "127.0.0.1", "10.0.0.0/8" or "unix"') from error
        return networks

    @field_validator("link_valid")
    @classmethod
    def _short(cls, valid: timedelta) -> timedelta:
        """NIST SP 800-63B-4, section 3.1.3: at most ten minutes."""
        if not timedelta(minutes=1) <= valid <= timedelta(minutes=10):
            raise ValueError('must lie between "1m" and "10m"')
        return valid

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.enabled and not self.public_url:
            raise ValueError('public_url is missing; write public_url = "https://HOST" as customers type it')
        if self.attachments * self.attachment_bytes > 4 * self.body_bytes:
            raise ValueError("body_bytes is far too small for so many attachments; raise it, or allow fewer")
        return self

    @property
    def host(self) -> str:
        """The host, with its port where the URL has one, as a browser names it."""
        return urlsplit(self.public_url).netloc

    @property
    def site(self) -> str:
        """The domain that passkeys are bound to."""
        return urlsplit(self.public_url).hostname or ""
