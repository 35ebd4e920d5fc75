"""What came of one attempt to deliver a command: a value with its reason."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct


class Delivered(Struct, frozen=True):
    """The next server took responsibility for the message (RFC 5321, section 4.2.5: 250)."""

    at: datetime
    """When it was accepted, UTC."""
    reply: str
    """The server's reply, with its queue id where it gives one."""
    content: bytes = b""
    """The message as it was accepted, byte for byte; empty where the way carries none."""
    stood: bool = False
    """Whether what a measure asks for was so when it was looked up, so that this attempt has changed nothing."""
    before: str = ""
    """What stood where a measure has put something else; its undoing is told it, to put it back."""


class Retry(Struct, frozen=True):
    """It could not be delivered now; it will be tried again."""

    reason: str
    """Why, without secrets."""
    of_the_way: bool = False
    """Whether the way itself is broken (no connection, no login, no sender), whoever the reader is."""
    after: timedelta | None = None
    """How long the other side wants to be left alone, where it says so."""


class Refused(Struct, frozen=True):
    """It will never be accepted so (RFC 5321, section 4.2.1: 5yz); a person must look."""

    reason: str
    """Why, without secrets."""
    by_server: bool = False
    """Whether a server said so, which may say it to everybody alike; else it could not even be sent."""


Receipt = Delivered | Retry | Refused
