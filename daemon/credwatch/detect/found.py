"""What the engine hands out: what it found, and what a restart needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from credwatch.kernel.detection import Detection, DetectionUpdate


@dataclass(frozen=True, slots=True)
class Delta:
    """What a batch changed in the engine's state: what the batch's transaction stores."""

    windows: tuple[tuple[str, int, bytes], ...] = ()
    """Rows added: stream name, latest event time (microseconds), rows of dtype ROW."""
    forget: tuple[tuple[str, int], ...] = ()
    """What may be deleted: stream name, rows that are all older than this event time."""
    names: tuple[int, bytes] | None = None
    """Words added: generation, Arrow IPC file."""
    watermarks: tuple[tuple[str, int], ...] = ()
    """The latest event time of each source, microseconds."""
    sequence: int = 0
    """How many events have been taken in all."""


@dataclass(frozen=True, slots=True)
class Serving:
    """An episode of a rule that only serves others: kept for a restart, and no detection."""

    rule_id: str
    """The rule."""
    id: str
    """The episode's id."""
    group_key: int
    """The group, as a signed number."""
    opened: int
    """The time of the completing event, microseconds UTC."""
    sequence: int
    """The order of arrival of the completing event."""
    last: int
    """The time of the latest event."""
    count: int
    """How many events belong to it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one batch led to."""

    detections: tuple[Detection, ...] = ()
    """Detections that opened, in the order of event time."""
    updates: tuple[DetectionUpdate, ...] = ()
    """Detections that went on or ended; those that ended before a new one opened come with `closed`."""
    serving: tuple[Serving, ...] = ()
    """Episodes that opened for rules that only serve others."""
    late: int = 0
    """How many events came too late for the windows."""
    evaluations: int = 0
    """How many times a rule was held against an event."""
    delta: Delta = field(default_factory=Delta)
    """What to store."""
