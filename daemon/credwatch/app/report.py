"""What a chunk of lines is on its way through the pipeline, and what it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from credwatch.app.commit import Batch
from credwatch.detect.found import Found
from credwatch.enrich.logins import Logins
from credwatch.kernel.incident import IncidentChange
from credwatch.parse.parse import Parsed
from credwatch.sources.interface import Chunk
from credwatch.store.moments import from_micros


@dataclass(frozen=True, slots=True)
class Report:
    """What one chunk of lines came to, for metrics and the terminal."""

    source: str
    """The source."""
    bytes: int
    """Bytes taken."""
    lines: int
    """Lines taken."""
    events: Mapping[str, int]
    """Events by pack."""
    skipped: int
    """Lines known as no event."""
    unparsed: Mapping[str, int]
    """Lines that nothing read, by reason."""
    malformed: Mapping[str, int]
    """Lines with bytes no line should have, by reason."""
    last_event_at: datetime | None
    """The latest event time."""
    received_at: datetime
    """When the lines were read."""
    backlog: int
    """Bytes that still wait in the file."""
    found: Found
    """What the engine found."""
    window_rows: int
    """Rows kept in windows."""
    profiles: int
    """Accounts whose habits are kept."""
    evicted: int
    """Accounts whose habits were given up for want of room."""
    seconds: float
    """How long the whole batch took."""
    commit_seconds: float = 0.0
    """How long its transaction took."""
    window_seconds: float = 0.0
    """CPU time of it that storing windows took, and what else the engine must remember."""
    changes: tuple[IncidentChange, ...] = ()
    """What happened to incidents."""
    queued: int = 0
    """How many messages were queued."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A chunk as far as it can be carried without knowing what came before it."""

    chunk: Chunk
    """The chunk."""
    lines: pl.DataFrame
    """Its lines frame."""
    parsed: Parsed
    """What its lines are."""
    events: pl.DataFrame
    """Its events, enriched."""
    logins: Logins | None
    """The successful logins among them."""
    seconds: float
    """How long that took."""


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """A chunk held against the rules, and not stored yet."""

    batch: Batch
    """What is to be stored."""
    report: Report
    """What it came to so far."""
    marked: pl.DataFrame
    """Its events, marked with what the ones before them tell of them."""


def report_of(prepared: Prepared, batch: Batch, *, window_rows: int, profiles: int, seconds: float) -> Report:
    """Put together what a chunk came to before it is stored."""
    chunk, lines, parsed, found = prepared.chunk, prepared.lines, prepared.parsed, batch.found
    latest = dict(found.delta.watermarks).get(chunk.source)
    return Report(
        source=chunk.source,
        bytes=len(chunk.data),
        lines=lines.height,
        events=_counts(parsed.events, "event.dataset"),
        skipped=parsed.skipped,
        unparsed=_counts(parsed.unparsed, "reason"),
        malformed=_counts(lines, "malformed"),
        last_event_at=from_micros(latest) if latest is not None else None,
        received_at=chunk.received_at,
        backlog=chunk.backlog,
        found=found,
        window_rows=window_rows,
        profiles=profiles,
        evicted=batch.profiles.evicted if batch.profiles is not None else 0,
        seconds=seconds,
    )


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    """Count the values of a column, nulls left out."""
    if not frame.height or column not in frame.columns:
        return {}
    values = frame.get_column(column).drop_nulls()
    return Counter(dict(values.value_counts().iter_rows()))
