"""What lines are on their way through the pipeline, and what they came to."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from msgspec import Struct

from credwatch.detect.episodes.conclusions import Conclusions
from credwatch.detect.windows.event_time import Arrival
from credwatch.enrich.habits.profiles import ProfileDelta
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.detection import Detection
from credwatch.kernel.incident import Incident, IncidentChange
from credwatch.pipeline.commit import Batch
from credwatch.pipeline.prepared import Counts, Prepared


class BatchResult(Struct, frozen=True, kw_only=True):
    """What a batch came to, for metrics and the terminal."""

    parts: tuple[Counts, ...]
    """What its lines are, log by log."""
    received_at: datetime
    """When the latest of its lines were read."""
    conclusions: Conclusions
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
    detections: tuple[Detection, ...] = ()
    """What was found, with the moments of its reading and its finding."""
    changes: tuple[IncidentChange, ...] = ()
    """What happened to incidents."""
    queued: int = 0
    """How many messages were queued."""
    read_again: int = 0
    """How many of its lines had been kept as unparsed."""

    @property
    def size(self) -> int:
        """Bytes taken."""
        return sum(part.size for part in self.parts)

    @property
    def lines(self) -> int:
        """Lines taken."""
        return sum(part.lines for part in self.parts)

    @property
    def backlog(self) -> int:
        """Bytes that still wait behind the lines."""
        return sum(part.backlog for part in self.parts)


class Gathered(Struct, frozen=True, eq=False):
    """The lines that are taken together, in one order."""

    parts: tuple[Prepared, ...]
    """The chunks they are from."""
    events: pl.DataFrame
    """Their events, each in its turn."""
    arrival: Arrival
    """How far they carry event time."""
    received_at: datetime
    """When the latest of them were read."""
    seconds: float
    """How long it took so far."""


class Marked(Struct, frozen=True, eq=False):
    """Lines whose events tell what the ones before them tell of them."""

    gathered: Gathered
    """The lines as they were before."""
    events: pl.DataFrame
    """Their events, marked."""
    pairing: bytes
    """The announcements to carry to the next batch, for the store; empty where they are what they were."""
    learnt: ProfileDelta | None
    """What is to be remembered of accounts."""
    profiles: int
    """Accounts whose habits are kept."""
    seconds: float
    """How long it took so far."""


class Detected(Struct, frozen=True, eq=False):
    """Lines held against the rules, and not stored yet."""

    batch: Batch
    """What is to be stored."""
    report: BatchResult
    """What they came to so far."""


def moments_of_detection(detection: Detection) -> dict[str, str | bool]:
    """Tell a log when what completed a detection happened and was read; that it is history or on trial."""
    moments = {"occurred": rfc3339(detection.opened_at)}
    if detection.recorded_at is not None:
        moments["recorded"] = rfc3339(detection.recorded_at)
    marks = {"history": detection.history, "shadow": detection.shadow}
    return {**moments, **{mark: True for mark, is_set in marks.items() if is_set}}


def moments_of(incident: Incident) -> dict[str, str | bool]:
    """Tell a log when an incident happened, was read and was found; that it is history, where it is."""
    moments = {
        "occurred": rfc3339(incident.occurred_last),
        "recorded": rfc3339(incident.recorded_last),
        "detected": rfc3339(incident.detected_last),
    }
    return {**moments, "history": True} if incident.history else {**moments}


def report_of(marked: Marked, batch: Batch, *, window_rows: int, seconds: float) -> BatchResult:
    """Put together what lines came to before it is stored."""
    return BatchResult(
        parts=tuple(Counts.of(part) for part in marked.gathered.parts),
        received_at=batch.received_at,
        conclusions=batch.conclusions,
        window_rows=window_rows,
        profiles=marked.profiles,
        evicted=batch.profiles.evicted if batch.profiles is not None else 0,
        seconds=seconds,
    )
