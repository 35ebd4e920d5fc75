"""The `[access_api]` table of `credwatch.toml`."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import Field, StrictBool, StrictInt, field_validator, model_validator

from credwatch.kernel.options import Options
from credwatch.sources.network_options import require_hashes
from credwatch.world.entries import ANY


class AccessScope(StrEnum):
    """What a ticket system may do with its token."""

    READ = "read"
    """See requests."""
    REQUEST = "request"
    """Ask for access in the name of a member of the staff."""
    DECIDE = "decide"
    """Carry what people decide: an approval or a review with the person's code, a refusal or an end without."""


class TicketSystemOptions(Options):
    """`[[access_api.ticket_system]]`: who may come, and for what."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    """Its name: small letters, digits and dashes; its token begins with it."""
    token_hashes: tuple[str, ...] = Field(min_length=1)
    """The argon2id hashes of its tokens, as `credwatch access token` prints them: two while a token is replaced."""
    scopes: tuple[AccessScope, ...] = Field(min_length=1)
    """What it may do: read, request, decide."""
    customers: tuple[str, ...] = Field(default=(ANY,), min_length=1)
    """Whose access it sees and asks for; "*" for every customer's."""
    secret: StrictBool = False
    """Whether it may ask for, and see, what an order forbids to tell the customer."""

    @field_validator("token_hashes")
    @classmethod
    def _hashed(cls, hashes: tuple[str, ...]) -> tuple[str, ...]:
        return require_hashes(hashes, "credwatch access token SYSTEM")

    def serves(self, customer: str) -> bool:
        """Say whether it may know of a customer's access."""
        return ANY in self.customers or customer in self.customers


class AccessApiOptions(Options):
    """Where ticket systems come, and how much they may take."""

    enabled: bool = False
    """Whether the endpoints are served at all."""
    socket: Path = Path("/run/credwatch/access.sock")
    """The Unix socket; only its owner and group may use it (mode 0660)."""
    socket_group: str = ""
    """The group of the socket, such as the ticket system's; empty keeps the daemon's own."""
    address: str = "127.0.0.1"
    """The address that `port` is on; loopback, for what crosses a network needs TLS before it."""
    port: StrictInt | None = Field(default=None, ge=0, le=65535)
    """A TCP port in place of the socket; 0 picks a free one and says it in the log."""
    connections: StrictInt = Field(default=32, ge=1, le=1024)
    """Connections served at a time."""
    requests_per_minute: StrictInt = Field(default=120, ge=1, le=100_000)
    """Requests that one ticket system may make in a minute."""
    body_bytes: StrictInt = Field(default=65_536, ge=1024, le=1_048_576)
    """Longest body of a request."""
    ticket_system: tuple[TicketSystemOptions, ...] = ()
    """The ticket systems."""

    @field_validator("address")
    @classmethod
    def _is_loopback(cls, address: str) -> str:
        try:
            if ip_address(address).is_loopback:
                return address
        except ValueError:
            pass
        raise ValueError('must be "127.0.0.1" or "::1"; for other machines put a proxy with TLS before it')

    @model_validator(mode="after")
    def _usable(self) -> Self:
        names = [system.id for system in self.ticket_system]
        if len(names) != len({*names}):
            raise ValueError("a ticket system is named twice; give each [[access_api.ticket_system]] an id of its own")
        if self.enabled and not names:
            raise ValueError("nobody may come; name a [[access_api.ticket_system]], or write enabled = false")
        return self
