"""The events of cases: given as rules see them, or made of lines that go the whole path first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from msgspec import Struct

from credwatch.enrich.habits.attempts import AttemptPairing
from credwatch.enrich.habits.marking import mark
from credwatch.enrich.habits.profiles import Profiles
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.dtypes import dtype_of
from credwatch.kernel.errors import RuleError, nearest
from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.kernel.span import read_span
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.pipeline.pipeline import Knowledge

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
"""When the cases begin: the moment of offset 0s."""

_MOST_EVENTS = 10_000
_LONGEST = timedelta(days=3660)
_PYTHON: dict[FieldType, type] = {
    FieldType.STRING: str,
    FieldType.INTEGER: int,
    FieldType.NUMBER: float,
    FieldType.BOOLEAN: bool,
}
_Timing = tuple[datetime, int, Mapping[str, Any]]


class CaseText(Struct, frozen=True):
    """The lines of one case, in the order in which they are read."""

    lines: tuple[str, ...]
    """The lines."""
    reference: datetime
    """The moment near which they end."""
    is_dated: bool
    """True where every line carries a stamp with a year, so that the reference says nothing."""


def given_events(entries: Sequence[Mapping[str, Any]], shared: Mapping[str, Any], where: str) -> pl.DataFrame:
    """Make the events frame of a case whose events are given as rules see them; raises RuleError."""
    timed = [_timings({**shared, **event}, where) for event in entries]
    rows = sorted((row for timings in timed for row in timings), key=lambda row: row[0])
    names = dict.fromkeys(name for _, _, fields in rows for name in fields)
    columns: dict[str, Any] = {"@timestamp": [moment for moment, _, _ in rows]}
    for name in names:
        columns[name] = [_numbered(fields.get(name), number) for _, number, fields in rows]
        _require_field(name, columns[name], where)
    return pl.DataFrame(columns, schema={name: dtype_of(name) for name in columns})


def _require_field(name: str, values: Sequence[Any], where: str) -> None:
    field = BY_NAME.get(name)
    if field is None or field.type is FieldType.TIMESTAMP:
        hint = nearest(name, BY_NAME) or "docs/events.md lists the fields"
        raise RuleError(f"an event cannot have {name!r}", where=where, hint=hint)
    kind = _PYTHON[field.type]
    if not all(value is None or type(value) is kind for value in values):
        raise RuleError(f"{name!r} is of type {field.type}", where=where, hint="quote texts, leave numbers bare")
    if kind is int and not all(value is None or -(2**63) <= value < 2**63 for value in values):
        raise RuleError(f"{name!r} has a number of more than 64 bits", where=where, hint="no event can hold it")


def written_lines(entries: Sequence[str | Mapping[str, Any]], where: str) -> CaseText:
    """Write out the lines of a case, each repeated as it asks for; raises RuleError."""
    timed = sorted((line for entry in entries for line in _timed_lines(entry, where)), key=lambda line: line[0])
    is_dated = not any(isinstance(entry, str) for entry in entries)
    return CaseText(tuple(line for _, line in timed), max(moment for moment, _ in timed), is_dated)


def read_events(texts: Sequence[CaseText], kind: str, knowledge: Knowledge) -> list[tuple[pl.DataFrame, str]]:
    """Carry the lines of cases the whole path: for each its enriched events, and what could not be read, if any.

    Cases whose lines all carry their year are parsed together, which is far cheaper.
    """
    together = [number for number, text in enumerate(texts) if text.is_dated]
    alone = [[number] for number, text in enumerate(texts) if not text.is_dated]
    readings: dict[int, tuple[pl.DataFrame, str]] = {}
    for numbers in filter(None, [together, *alone]):
        readings |= _read_together(numbers, texts, kind, knowledge)
    return [readings[number] for number in range(len(texts))]


def _read_together(
    numbers: Sequence[int], texts: Sequence[CaseText], kind: str, knowledge: Knowledge
) -> dict[int, tuple[pl.DataFrame, str]]:
    frames = []
    for number in numbers:
        lines = split_lines("\n".join(texts[number].lines).encode(), 0)
        frames.append(lines.with_columns(pl.lit(number, pl.Int64).alias("position")))
    reference = max(texts[number].reference for number in numbers)
    parsed = parse(pl.concat(frames), packs=knowledge.packs, source=SourceFormat("cases", kind), reference=reference)
    events = knowledge.enricher.enrich(parsed.events)
    return {number: _of_case(number, events, parsed, knowledge, reference) for number in numbers}


def _of_case(
    number: int, events: pl.DataFrame, parsed: Parsed, knowledge: Knowledge, reference: datetime
) -> tuple[pl.DataFrame, str]:
    """Take what belongs to one case; its attempts are paired, and its logins compared, among themselves."""
    mine = pl.col("position") == number
    unread = parsed.unparsed.filter(mine).to_dicts()
    problem = f"no pack reads {unread[0]['line']!r}: {unread[0]['reason']}" if unread else ""
    marked, *_ = mark(events.filter(mine), AttemptPairing(), Profiles(b"cases"), knowledge.learning, reference)
    return marked, problem


def _timed_lines(entry: str | Mapping[str, Any], where: str) -> Iterator[tuple[datetime, str]]:
    """Give the lines with the moments that order them; whole lines stay in the order of the file."""
    if isinstance(entry, str):
        yield START, entry
        return
    for moment, number, rest in _timings(entry, where):
        if set(rest) != {"line"}:
            raise RuleError(
                f"expected a line, found the keys {sorted(rest)}", where=where, hint="give line, offset, times, every"
            )
        line = str(_numbered(rest["line"], number)).replace("{at}", rfc3339(moment))
        yield moment, line if line.startswith("{") else f"{rfc3339(moment)} host1 {line}"


def _timings(entry: Mapping[str, Any], where: str) -> Iterator[_Timing]:
    """Repeat an entry as it asks for: the moment, the number of the repetition, and the rest of the entry."""
    rest = {key: value for key, value in entry.items() if key not in ("offset", "times", "every")}
    offset, every = _span(entry.get("offset", "0s"), where), _span(entry.get("every", "1s"), where)
    times = entry.get("times", 1)
    if type(times) is not int or not 1 <= times <= _MOST_EVENTS:
        raise RuleError(f"times: {times!r} is no number from 1 to {_MOST_EVENTS}", where=where, hint="write times: 8")
    if offset + times * every > _LONGEST:
        raise RuleError("the events would reach beyond ten years", where=where, hint="shorten offset or every")
    for number in range(times):
        yield START + offset + number * every, number, rest


def _span(text: Any, where: str) -> timedelta:
    span = read_span(str(text), units=("ms", "s", "m", "h", "d"))
    if span is None:
        raise RuleError(f"{text!r} is no span of time", where=where, hint="write a number and ms, s, m, h or d")
    return span


def _numbered(value: Any, number: int) -> Any:
    return value.replace("{n}", str(number)) if isinstance(value, str) else value
