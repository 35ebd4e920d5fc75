"""The moments of a breach that are kept apart, and the knowledge that lies between two of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct


class Moment(StrEnum):
    """What a duty's clock may start at; laws and contracts start theirs at different ones."""

    OCCURRED = "occurred"
    """It happened, by the time in the log."""
    RECORDED = "recorded"
    """The daemon read the line that tells of it."""
    DETECTED = "detected"
    """The daemon concluded what it means."""
    AWARE = "aware"
    """A person knew with reasonable certainty."""
    ASSESSED = "assessed"
    """A person decided what it amounts to."""
    AUTHORISED = "authorised"
    """An act was allowed."""
    EXECUTED = "executed"
    """The act was done."""
    SENT = "sent"
    """A message was given to the outbox."""
    ACCEPTED = "accepted"
    """A mail server took responsibility for it."""
    ACKNOWLEDGED = "acknowledged"
    """Its reader confirmed it."""


class Discovery(Struct, frozen=True):
    """How evidence came to be known: when its lines were read, and when the daemon drew its conclusion."""

    recorded_at: datetime
    """When the lines were read, UTC."""
    detected_at: datetime
    """When the daemon concluded what they mean, UTC."""
    history_after: timedelta
    """What is read later than this after it happened is history."""

    def is_history(self, occurred: datetime) -> bool:
        """Say whether what happened then was read only long after."""
        return self.recorded_at - occurred > self.history_after
