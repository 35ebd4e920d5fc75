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
    PERSONAL_DATA_FOUND = "personal_data_found"
    """It became known that personal data are concerned."""
    ASSESSED = "assessed"
    """A person decided what it amounts to."""
    ASSESSED_NOTIFIABLE = "assessed_notifiable"
    """A person decided that it must be notified."""
    DECIDED_SIGNIFICANT = "decided_significant"
    """A person who may decided that it is significant, or serious."""
    HANDLED = "handled"
    """It is over, and its damage repaired."""
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
    SUBMITTED = "submitted"
    """A report was handed to whom it is owed."""


class DutyPhase(Struct, frozen=True):
    """One phase of one regime, such as the final report that a law asks for."""

    regime: str = ""
    """The id of the regime; empty where a moment is the whole incident's."""
    phase: str = ""
    """The id of the phase within it."""

    def __str__(self) -> str:
        return f"{self.regime}/{self.phase}" if self.phase else self.regime

    def holds(self, regime: str, phase: str) -> bool:
        """Say whether a phase is this one, or one of this regime where no phase is named."""
        return self.regime == regime and self.phase in ("", phase)


WHOLE_CASE = DutyPhase()
"""What a moment of the whole incident is about."""


class NotedMoment(Struct, frozen=True, omit_defaults=True):
    """A moment of an incident that a person recorded."""

    moment: Moment
    """Which."""
    at: datetime
    """When it was, UTC."""
    by: str
    """Who recorded it."""
    noted_at: datetime
    """When it was recorded, UTC."""
    about: DutyPhase = WHOLE_CASE
    """What it is about."""
    organization: str = ""
    """The customer toward whom, or whose duty, it is about; empty where it is no customer's."""


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
