"""Durations as people write them, in the configuration, in rules and on the command line: 10s, 15m, 24h, 3d."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_WRITTEN = re.compile(r"(\d{1,9})(ms|[smhdw])")
_LARGEST_FIRST = tuple((name, _UNITS[name]) for name in ("d", "h", "m", "s"))
_LONGEST = timedelta(days=366)
_AN_AGE = timedelta(days=36525)


def read_span(text: str, units: Collection[str] = ("s", "m", "h", "d")) -> timedelta | None:
    """Read a whole number and one of `units` (ms, s, m, h, d, w), such as 15m; None where it is no such text."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None or match[2] not in units:
        return None
    try:
        return int(match[1]) * _UNITS[match[2]]
    except OverflowError:
        return None


def write_span(span: timedelta) -> str:
    """Write a span of whole seconds in the largest unit up to days that needs no fraction, such as 15m."""
    return next(f"{span // unit}{name}" for name, unit in _LARGEST_FIRST if not span % unit or name == "s")


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
