"""Values of the column that rows are ordered by: from the database, into a cursor, and back into the query."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from credwatch.sources.sql.options import CursorKind, SqlSourceOptions

Stored = int | str
"""A value as a cursor holds it: a number, a text, or a timestamp as ISO 8601, with its offset where there is one."""

_LOWEST: dict[CursorKind, Stored] = {"integer": -(2**63), "timestamp": "1970-01-01T00:00:00", "text": ""}


class CursorColumn(Struct, frozen=True):
    """The column of one source."""

    kind: CursorKind
    overlap: timedelta
    overlap_numbers: int

    @classmethod
    def of(cls, options: SqlSourceOptions) -> CursorColumn:
        """Take it from the options."""
        return cls(options.cursor_kind, options.overlap, options.overlap_numbers)

    @property
    def lowest(self) -> Stored:
        """A value before all others."""
        return _LOWEST[self.kind]

    @property
    def width(self) -> float:
        """How coarsely the order of rows is remembered."""
        reach = self.overlap_numbers if self.kind == "integer" else self.overlap.total_seconds()
        return max(reach / 32, 1.0)

    def read(self, value: Any) -> Stored:
        """Return a value of the column; raises ValueError where it is not of the kind that the options tell."""
        match self.kind, value:
            case "integer", int() if not isinstance(value, bool):
                return int(value)
            case "integer", Decimal() if value.is_finite() and value == value.to_integral_value():
                return int(value)
            case "timestamp", datetime():
                return value.isoformat()
            case "timestamp", date():
                return datetime(value.year, value.month, value.day).isoformat()
            case "timestamp", str():
                return _text_mark(value)
            case "text", str():
                return value
        raise ValueError(f"holds a {type(value).__name__}, and should hold the kind {self.kind}")

    def order(self, stored: Stored) -> float:
        """Say where a value stands among others; all texts stand alike, for only the database can compare them."""
        if isinstance(stored, int):
            return float(stored)
        return _moment(stored).timestamp() if self.kind == "timestamp" else 0.0

    def floor(self, stored: Stored) -> float:
        """Say behind which order rows are asked for, where everything up to a value was given."""
        reach = {"integer": float(self.overlap_numbers), "timestamp": self.overlap.total_seconds(), "text": 0.0}
        return self.order(stored) - reach[self.kind]

    def parameter(self, stored: Stored) -> Any:
        """Return what `:cursor` stands for, where everything up to a value was given."""
        if isinstance(stored, int):
            return max(stored - self.overlap_numbers, -(2**63))
        if self.kind == "text":
            return stored
        moment = _earlier(datetime.fromisoformat(stored.removeprefix(_AS_TEXT)), self.overlap)
        return moment.isoformat(" " if " " in stored else "T") if stored.startswith(_AS_TEXT) else moment


_AS_TEXT = "text:"
"""Stands before a timestamp that the database keeps as text, which it compares as text."""


def _text_mark(value: str) -> str:
    datetime.fromisoformat(value)
    return _AS_TEXT + value


def _moment(stored: str) -> datetime:
    """Read a timestamp; one without an offset is taken for UTC, for only differences count."""
    moment = datetime.fromisoformat(stored.removeprefix(_AS_TEXT))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _earlier(moment: datetime, span: timedelta) -> datetime:
    lowest = datetime.fromisoformat("1970-01-01T00:00:00").replace(tzinfo=moment.tzinfo)
    return max(moment - span, lowest) if moment > lowest else moment
