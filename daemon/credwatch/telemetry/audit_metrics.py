"""What the metrics say of the audit trail."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge


class AuditMetrics:
    """The series of the audit trail; any thread may call any method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._entries = Gauge(
            "credwatch_audit_entries", "Entries of the audit trail when it was looked at last.", registry=registry
        )
        self._intact = Gauge(
            "credwatch_audit_intact",
            "1 where the audit trail begins with what was signed of it, else 0.",
            registry=registry,
        )
        self._signed_at = Gauge(
            "credwatch_audit_signed_timestamp_seconds",
            "When the audit trail was signed last; at first, when the daemon started.",
            registry=registry,
        )
        self._stamped_at = Gauge(
            "credwatch_audit_stamped_timestamp_seconds",
            "Up to when an authority of time stamps has stamped what was signed; 0 where none has.",
            registry=registry,
        )
        self._stamp_failures = Counter(
            "credwatch_audit_stamp_failures_total",
            "How often the authority of time stamps gave no stamp.",
            registry=registry,
        )
        self._intact.set(1)

    def stamped(self, at: datetime) -> None:
        """Say up to when the trail is stamped."""
        self._stamped_at.set(at.timestamp())

    def stamp_failed(self) -> None:
        """Count an answer that was no stamp."""
        self._stamp_failures.inc()

    def signed(self, entries: int, at: datetime) -> None:
        """Say that the trail with so many entries was found right, and signed."""
        self._entries.set(entries)
        self._intact.set(1)
        self._signed_at.set(at.timestamp())

    def differs(self) -> None:
        """Say that it is not what was signed."""
        self._intact.set(0)

    def begin(self, at: datetime) -> None:
        """Say when the daemon started."""
        self._signed_at.set(at.timestamp())
