"""Durations as people write them in the configuration: 10s, 15m, 24h, 3d."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=366)
_AN_AGE = timedelta(days=36525)


def _duration(value: object, longest: timedelta = _LONGEST, words: str = "a year") -> object:
    """Read durations such as 10s, 15m, 24h or 3d."""
    if not isinstance(value, str):
        raise ValueError('expected a duration in quotes, such as "15m"')
    found = re.fullmatch(r"(\d{1,6})([smhd])", value.strip())
    duration = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < duration <= longest:
        raise ValueError(f'expected a number and s, m, h or d, such as "15m", of {words} at most')
    return duration


def _long_duration(value: object) -> object:
    return _duration(value, _AN_AGE, "a century")


Duration = Annotated[timedelta, BeforeValidator(_duration)]
LongDuration = Annotated[timedelta, BeforeValidator(_long_duration)]
