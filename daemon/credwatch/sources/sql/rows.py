"""Makes lines of rows: one JSON object each, in which every value is what the database says that it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
_GREATEST = 2**63 - 1
"""A whole number beyond is written as text: readers of JSON would round it."""


def line_of(row: Mapping[str, Any], zone: ZoneInfo, zones: Mapping[str, ZoneInfo]) -> bytes:
    """Write a row as one line of JSON.

    A timestamp that tells no zone is in that of its column, or else in `zone`; a decimal keeps its digits; bytes become
    base64, a span of time seconds; what JSON has no word for becomes text.
    """
    values = {name: _honest(value, zones.get(name, zone)) for name, value in row.items()}
    return _ENCODER.encode(values) + b"\n"


def identity_of(row: Mapping[str, Any], names: Sequence[str]) -> bytes:
    """Write what identifies a row, by the names of its columns."""
    return _ENCODER.encode([_honest(row[name], ZoneInfo("UTC")) for name in names])


def _honest(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, Mapping):
        return {_text(key): _honest(part, zone) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_honest(part, zone) for part in value]
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=zone)
    return _plain_value(value)


def _plain_value(value: Any) -> Any:
    match value:
        case None | bool() | date() | time():
            return value
        case int():
            return value if -_GREATEST <= value <= _GREATEST else str(value)
        case float() | Decimal():
            return value if math.isfinite(value) else str(value)
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return bytes(value)
    return _text(value)


def _text(value: Any) -> str:
    """Give text that is UTF-8, whatever a driver made of it."""
    return str(value).encode("utf-8", "replace").decode()
