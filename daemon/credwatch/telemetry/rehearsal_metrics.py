"""What the metrics say of rehearsals that come by the timetable."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge


class RehearsalMetrics:
    """The series of rehearsals; any thread may call any method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failed = Gauge(
            "credwatch_rehearsal_failed",
            "1 where the latest rehearsal of the timetable failed, else 0.",
            registry=registry,
        )
        self._ended_at = Gauge(
            "credwatch_rehearsal_ended_timestamp_seconds",
            "When the latest rehearsal of the timetable ended; 0 before the first.",
            registry=registry,
        )
        self._due_at = Gauge(
            "credwatch_rehearsal_due_timestamp_seconds",
            "When the next rehearsal is due; 0 where the timetable has none.",
            registry=registry,
        )

    def ended(self, at: datetime, *, has_failed: bool) -> None:
        """Say how the latest one ended, and when."""
        self._ended_at.set(at.timestamp())
        self._failed.set(int(has_failed))

    def due(self, at: datetime) -> None:
        """Say when the next one is due."""
        self._due_at.set(at.timestamp())
