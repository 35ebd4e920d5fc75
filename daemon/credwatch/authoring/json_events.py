"""Events written as JSON, one object a line, read as rules see them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import polars as pl
from msgspec import Struct

from credwatch.kernel.dtypes import dtype_of
from credwatch.kernel.errors import nearest
from credwatch.kernel.fields import BY_NAME, FieldType

BEGINNING = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
"""The time of an event that says none, where no event came before it."""

_DEEPEST = 20
_LARGEST = 2**63
_AS_IT_IS = {
    field.name: {FieldType.STRING: str, FieldType.BOOLEAN: bool}[field.type]
    for field in BY_NAME.values()
    if field.type in (FieldType.STRING, FieldType.BOOLEAN)
}
"""The fields whose values need no look, where they are of this type."""


class ReadEvent(Struct, frozen=True):
    """One line: an event, or why it is none."""

    fields: Mapping[str, Any]
    """Fields of the schema and their values, typed; the time may be missing."""
    ignored: tuple[str, ...] = ()
    """Names that the schema does not know; see `advice`."""
    error: str = ""
    """Why the line is no event; empty where it is one."""


class _NoEvent(Exception):
    """A line that is no event; its text says why."""


def read_event(line: str | bytes) -> ReadEvent:
    """Read one JSON object, its fields dotted or nested; never raises."""
    try:
        document = msgspec.json.decode(line)
        if not isinstance(document, dict):
            raise _NoEvent('not a JSON object: write {"event.action": "login", …}')
        flat = _flat(document)
        fields = {
            name: value if type(value) is _AS_IT_IS.get(name) else _typed(name, value)
            for name, value in flat.items()
            if name in BY_NAME and value is not None
        }
    except _NoEvent as error:
        return ReadEvent({}, error=str(error))
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        return ReadEvent({}, error=f"not JSON: {error}")
    return ReadEvent(fields, tuple(name for name in flat if name not in BY_NAME))


def frame_of(events: Sequence[ReadEvent], before: datetime = BEGINNING) -> pl.DataFrame:
    """Make the events frame, a row for each; an event without a time has that of the one before it, else `before`."""
    names = dict.fromkeys(["@timestamp", *(name for event in events for name in event.fields)])
    columns: dict[str, list[Any]] = {name: [event.fields.get(name) for event in events] for name in names}
    columns["@timestamp"] = [before := moment or before for moment in columns["@timestamp"]]
    return pl.DataFrame(columns, schema={name: dtype_of(name) for name in names})


def _flat(document: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise _NoEvent(f"nested more than {_DEEPEST} deep")
    flat = {}
    for name, value in document.items():
        if type(value) is dict:
            flat.update(_flat(value, f"{prefix}{name}.", depth + 1))
        else:
            flat[prefix + name] = value
    return flat


def _typed(name: str, value: Any) -> Any:
    kind = BY_NAME[name].type
    if kind is FieldType.TIMESTAMP:
        return _moment(name, value)
    if kind is FieldType.STRING and isinstance(value, int | float):
        return json.dumps(value)
    if kind is FieldType.NUMBER and type(value) in (int, float):
        return float(value)
    if kind is FieldType.INTEGER and type(value) is int and -_LARGEST <= value < _LARGEST:
        return value
    raise _NoEvent(f"{name} is of type {kind}, and {_short(value)} is not")


def _moment(name: str, value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise _NoEvent(f"{name} is a moment such as 2026-03-02T08:00:00Z, and {_short(value)} is not") from error


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:40]}…"


def advice(name: str) -> str:
    """Give a name that the schema does not know with the nearest that it does; to look for that is slow."""
    return f"{name}: {nearest(name, BY_NAME) or 'docs/events.md lists the fields'}"


def read_events(lines: Iterable[bytes]) -> list[ReadEvent]:
    """Read the lines of a file, empty ones left out."""
    return [read_event(line) for line in lines if line.strip()]
