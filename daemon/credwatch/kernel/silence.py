"""A silence: what people decided not to hear of for a while, why, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

LONGEST = timedelta(days=90)
"""A silence lasts no longer: whoever still needs it then, gives the reason once more."""


class Silence(Struct, frozen=True, omit_defaults=True):
    """Detections that open no incident for a while; each criterion that is given must hold."""

    id: str
    """Its name, such as silence-7kq2m4aa."""
    by: str
    """Who made it."""
    why: str
    """The reason."""
    starts_at: datetime
    """From when, UTC."""
    expires_at: datetime
    """Until when at most, UTC."""
    rule: str = ""
    """The id of a rule."""
    account: str = ""
    """An account: a detection that names another one too is not hidden."""
    address: str = ""
    """An address or network, in CIDR: a detection that names an address outside is not hidden."""
    customer: str = ""
    """The id of a customer: a detection that concerns another one too is not hidden."""
    host: str = ""
    """The host of the event that completed a detection."""
    second: str = ""
    """The second person who agreed; without one it never hides what `needs_second` names."""
    ended_at: datetime | None = None
    """When a person ended it early."""
    ended_by: str = ""
    """Who ended it."""

    @property
    def over_at(self) -> datetime:
        """Tell when it ends, or has ended."""
        return min(self.expires_at, self.ended_at) if self.ended_at else self.expires_at
