"""What the daemon could not see: when, of which source, and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Blindness(StrEnum):
    """Why nothing, or not everything, was seen."""

    DOWN = "down"
    """The daemon did not run; what was written meanwhile is read afterwards, but what was sent by syslog is lost."""
    LAGGING = "lagging"
    """Lines waited for long before they were read."""
    SILENT = "silent"
    """Nothing came, for longer than the source's rhythm allows."""
    DROPPING = "dropping"
    """Lines were lost before they could be read."""
    UNREADABLE = "unreadable"
    """The source could not be read."""
    CAPPED = "capped"
    """Windows were full, so that rules that count let rows go before their time."""
    UNARCHIVED = "unarchived"
    """Events were seen, and could not be archived."""


class BlindInterval(Struct, frozen=True):
    """A time in which something was not seen."""

    source: str
    """The source; empty for all of them."""
    reason: Blindness
    """Why."""
    started_at: datetime
    """When it began, UTC, by the machine's clock."""
    ended_at: datetime | None = None
    """When it ended; None while it lasts."""
