"""What every table `[[source]]` has, wherever its lines come from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from credwatch.kernel.duration import Duration
from credwatch.kernel.options import Options
from credwatch.kernel.thresholds import Numbers

LineFormat = Literal["auto", "syslog", "json"]
"""How lines begin; auto decides line by line."""


class NamedSource(Options):
    """What every source has, wherever its lines come from."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    """Its name in metrics and events."""
    read_from: Literal["start", "end"] = "end"
    """Where to begin in what is there at the very first start."""
    lateness: Duration | None = None
    """How much later than its neighbours a line may come; `detection.lateness` where nothing is said."""
    thresholds: Numbers = Field(default_factory=dict)
    """How much is enough for a rule where its lines complete it, by the name of the rule."""
