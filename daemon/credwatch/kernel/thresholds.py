"""Thresholds as settings: how many of something are enough for a rule, and within which time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Struct
from pydantic import Field, StrictFloat, StrictInt

from credwatch.kernel.duration import Duration
from credwatch.kernel.options import Options

Number = Annotated[StrictInt | StrictFloat, Field(gt=0, le=1_000_000_000, allow_inf_nan=False)]
"""How much is enough."""

Numbers = dict[str, Number]
"""By the name or id of the rule, for one customer or one source."""


class ThresholdOptions(Options):
    """One rule's entry in `[detection.thresholds]`."""

    at_least: Number | None = None
    """How much is enough; the rule's own number where nothing is said."""
    within: Duration | None = None
    """The time in which it counts; the rule's own where nothing is said."""


class Thresholds(Struct, frozen=True):
    """What settings and registers say of the rules' numbers."""

    general: Mapping[str, ThresholdOptions] = {}
    """By the name or id of the rule."""
    customers: Mapping[str, Numbers] = {}
    """By the customer's id."""
    sources: Mapping[str, Numbers] = {}
    """By the source's id."""
