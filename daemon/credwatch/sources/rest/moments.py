"""Times as services write them, to seconds since the epoch and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

TimeFormat = Literal["rfc3339", "epoch_seconds", "epoch_milliseconds"]
"""How a service wants a time to be written in a request."""

_MILLISECONDS_FROM = 1e11
_MICROSECONDS_FROM = 1e14
"""A number beyond is of milliseconds or microseconds: as seconds it would be later than the year 5138."""


def seconds_of(value: Any) -> float | None:
    """Read a time: RFC 3339, in UTC where it names no zone, or a number of seconds to microseconds; None for others."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not isinstance(value, int | float) or not 0 <= value < 1e17:
        return None
    if value >= _MICROSECONDS_FROM:
        return value / 1e6
    return value / 1e3 if value >= _MILLISECONDS_FROM else float(value)


def written(seconds: float, form: TimeFormat) -> str:
    """Write a time as a service wants it, rounded down to milliseconds."""
    milliseconds = round(max(seconds, 0) * 1_000_000) // 1000
    if form == "epoch_milliseconds":
        return str(milliseconds)
    if form == "epoch_seconds":
        return str(milliseconds // 1000)
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
