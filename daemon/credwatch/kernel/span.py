"""Spans of time as people write them, in the configuration, in rules and on the command line: 10s, 15m, 24h, 3d."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta

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
