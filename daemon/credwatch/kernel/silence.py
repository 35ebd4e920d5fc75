"""A silence: what people decided not to hear of for a while, why, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from credwatch.kernel.criteria import Criteria

LONGEST = timedelta(days=90)
"""A silence lasts no longer: whoever still needs it then, gives the reason once more."""


class Silence(Criteria, frozen=True, omit_defaults=True, kw_only=True):
    """Detections that open no incident for a while: those that have what it names, and nothing beside it.

    A detection that names another account, an address outside, or another customer too is not hidden.
    """

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
