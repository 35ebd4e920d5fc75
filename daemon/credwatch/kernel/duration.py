"""Durations as settings: spans of time with bounds."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

from credwatch.kernel.span import read_span

_LONGEST = timedelta(days=366)
_AN_AGE = timedelta(days=36525)


def _duration(value: object, longest: timedelta = _LONGEST, words: str = "a year") -> object:
    """Read durations such as 10s, 15m, 24h or 3d."""
    if not isinstance(value, str):
        raise ValueError('expected a duration in quotes, such as "15m"')
    duration = read_span(value)
    if duration is None or not timedelta() < duration <= longest:
        raise ValueError(f'expected a number and s, m, h or d, such as "15m", of {words} at most')
    return duration


def _long_duration(value: object) -> object:
    return _duration(value, _AN_AGE, "a century")


Duration = Annotated[timedelta, BeforeValidator(_duration)]
LongDuration = Annotated[timedelta, BeforeValidator(_long_duration)]
