"""What the metrics say of the archive of events."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge


class ArchiveStanding(Struct, frozen=True):
    """What the archive's folder has."""

    bytes: int
    """How much its files take."""
    events: int
    """How many events they have."""
    oldest: date | None
    """The first day that has a file, UTC; None where none has."""


class ArchiveMetrics:
    """The series of the archive; any thread may call any method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"credwatch_archive_{name}", text, registry=registry)

        self._up = gauge("up", "1 where the archive's folder took what it was given last, or there is no archive.")
        self._bytes = gauge("bytes", "Bytes of the archive's files.")
        self._events = gauge("events", "Events in the archive's files.")
        self._oldest = gauge("oldest_day_timestamp_seconds", "When the first day of the archive began; 0 while empty.")
        self._waiting_events = gauge("waiting_events", "Events that wait in the store for the archive.")
        self._waiting_bytes = gauge("waiting_bytes", "Bytes of them.")
        self._failures = Counter(
            "credwatch_archive_failures_total", "How often the archive's folder refused.", registry=registry
        )
        self._lost = Counter(
            "credwatch_archive_lost_events_total",
            "Events that were seen and are not archived, since too many wait for the archive.",
            registry=registry,
        )
        self._up.set(1)

    def works(self, *, is_up: bool) -> None:
        """Say whether the folder took what it was given."""
        self._up.set(is_up)
        if not is_up:
            self._failures.inc()

    def waits(self, events: int, size: int) -> None:
        """Say how much waits in the store."""
        self._waiting_events.set(events)
        self._waiting_bytes.set(size)

    def lost(self, events: int) -> None:
        """Count events that are not archived."""
        self._lost.inc(events)

    def stands(self, standing: ArchiveStanding) -> None:
        """Say what the folder has."""
        begun = datetime.combine(standing.oldest, time.min, UTC).timestamp() if standing.oldest else 0.0
        self._bytes.set(standing.bytes)
        self._events.set(standing.events)
        self._oldest.set(begun)
