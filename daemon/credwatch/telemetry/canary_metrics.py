"""What the metrics say of canaries."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0)


class CanaryMetrics:
    """The series of canaries; any thread may call any method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "credwatch_canary_duration_seconds",
            "From a canary's line to the acceptance of its message.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._lost = Counter(
            "credwatch_canaries_lost_total", "Canaries that did not arrive in time.", registry=registry
        )
        self._overdue = Gauge(
            "credwatch_canary_overdue", "1 while a canary has not arrived in time, else 0.", registry=registry
        )
        self._arrived_at = Gauge(
            "credwatch_canary_arrived_timestamp_seconds",
            "When a canary last arrived; 0 before the first.",
            registry=registry,
        )

    def arrived(self, seconds: float, at: datetime) -> None:
        """Say that a canary arrived, after how long."""
        self._seconds.observe(seconds)
        self._arrived_at.set(at.timestamp())
        self._overdue.set(0)

    def lost(self) -> None:
        """Say that a canary did not arrive in time."""
        self._lost.inc()
        self._overdue.set(1)

    def restored(self, *, is_lost: bool) -> None:
        """Say how the latest one stands where another run had begun it."""
        self._overdue.set(int(is_lost))
