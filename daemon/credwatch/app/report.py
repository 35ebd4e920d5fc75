"""What a chunk of lines is on its way through the pipeline, and what it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import polars as pl
from msgspec import Struct
from msgspec.structs import asdict

from credwatch.app.commit import Batch
from credwatch.detect.found import Found
from credwatch.enrich.profiles import ProfileDelta
from credwatch.kernel.incident import IncidentChange
from credwatch.parse.parse import Parsed
from credwatch.sources.interface import Chunk
from credwatch.store.moments import from_micros


class Counts(Struct, frozen=True):
    """What the lines of a chunk are, counted: all that is needed of them once they are read."""

    size: int
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

    @classmethod
    def of(cls, data: bytes, lines: pl.DataFrame, parsed: Parsed) -> Counts:
        """Count lines."""
        return cls(
            size=len(data),
            lines=lines.height,
            events=_counts(parsed.events, "event.dataset"),
            skipped=parsed.skipped,
            unparsed=_counts(parsed.unparsed, "reason"),
            malformed=_counts(lines, "malformed"),
        )


class Report(Counts, frozen=True, kw_only=True):
    """What one chunk of lines came to, for metrics and the terminal: its counts, and what followed."""

    source: str
    """The source."""
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


class Prepared(Struct, frozen=True, eq=False):
    """A chunk as far as it can be carried without knowing what came before it."""

    chunk: Chunk
    """The chunk, without its bytes."""
    counts: Counts
    """What its lines are."""
    unparsed: pl.DataFrame
    """`position`, `line` and `reason` of the lines that nothing read."""
    events: pl.DataFrame
    """Its events, enriched."""
    seconds: float
    """How long that took."""


class Marked(Struct, frozen=True, eq=False):
    """A chunk whose events tell what the ones before them tell of them."""

    prepared: Prepared
    """The chunk as it was before."""
    events: pl.DataFrame
    """Its events, marked."""
    pairing: bytes
    """The announcements to carry to the next chunk, for the store; empty where they are what they were."""
    learnt: ProfileDelta | None
    """What is to be remembered of accounts."""
    profiles: int
    """Accounts whose habits are kept."""
    seconds: float
    """How long it took so far."""


class Detected(Struct, frozen=True, eq=False):
    """A chunk held against the rules, and not stored yet."""

    batch: Batch
    """What is to be stored."""
    report: Report
    """What it came to so far."""


def report_of(marked: Marked, batch: Batch, *, window_rows: int, seconds: float) -> Report:
    """Put together what a chunk came to before it is stored."""
    chunk, counts, found = marked.prepared.chunk, marked.prepared.counts, batch.found
    latest = dict(found.delta.watermarks).get(chunk.source)
    return Report(
        **asdict(counts),
        source=chunk.source,
        last_event_at=from_micros(latest) if latest is not None else None,
        received_at=chunk.received_at,
        backlog=chunk.backlog,
        found=found,
        window_rows=window_rows,
        profiles=marked.profiles,
        evicted=batch.profiles.evicted if batch.profiles is not None else 0,
        seconds=seconds,
    )


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    """Count the values of a column, nulls left out."""
    if not frame.height or column not in frame.columns:
        return {}
    values = frame.get_column(column).drop_nulls()
    return Counter(dict(values.value_counts().iter_rows()))
