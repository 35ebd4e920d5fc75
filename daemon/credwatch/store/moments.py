"""Moments as the store keeps them: INTEGER microseconds since 1970 in UTC, exact and sorted by every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Turn an aware moment into microseconds, without rounding through a float."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Turn microseconds into an aware moment, UTC."""
    return _EPOCH + micros * _MICROSECOND
