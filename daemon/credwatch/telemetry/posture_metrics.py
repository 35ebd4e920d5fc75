"""What the metrics say of how accounts stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge


class ReadingStanding(Protocol):
    """How the readings of a source stand."""

    @property
    def source(self) -> str:
        """Its id."""

    @property
    def read_at(self) -> datetime | None:
        """When it was last read to its end."""

    @property
    def error(self) -> str:
        """Why the latest try failed."""

    @property
    def accounts(self) -> int:
        """How many accounts it had."""

    @property
    def wrong(self) -> int:
        """How many of its values were not what they should be."""


class PostureMetrics:
    """The series of accounts; the timetable's thread sets them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"credwatch_posture_{name}", text, list(labels), registry=registry)

        self._accounts = gauge("accounts", "Accounts of a source at its latest reading.", "source")
        self._wrong = gauge("wrong_values", "Values of these accounts that are not what they should be.", "source")
        self._up = gauge("up", "1 where the latest reading of a source came to its end, else 0.", "source")
        self._read_at = gauge(
            "read_timestamp_seconds", "When a source was last read to its end; 0 before the first time.", "source"
        )
        self._interval = gauge("interval_seconds", "How often sources of accounts are read; 0 where there are none.")
        self._findings = gauge("findings", "Accounts that break a rule and are not exempt, by rule.", "rule")

        self._audited = gauge(
            "audited_accounts", "Accounts whose passwords were tried, by what came of it.", "source", "outcome"
        )
        self.audit_seconds = Counter(
            "credwatch_posture_audit_seconds_total",
            "Time of the processor that trying passwords has taken.",
            registry=registry,
        )

    def audited(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Say how many accounts were tried, by source and outcome."""
        self._audited.clear()
        for (source, outcome), count in counts.items():
            self._audited.labels(source, outcome).set(count)

    def stands(self, readings: Sequence[ReadingStanding], findings: Mapping[str, int], interval: timedelta) -> None:
        """Say how the readings and findings stand."""
        self._interval.set(interval.total_seconds())
        for reading in readings:
            self._accounts.labels(reading.source).set(reading.accounts)
            self._wrong.labels(reading.source).set(reading.wrong)
            self._up.labels(reading.source).set(int(not reading.error))
            self._read_at.labels(reading.source).set(reading.read_at.timestamp() if reading.read_at else 0)
        self._findings.clear()
        for rule, count in findings.items():
            self._findings.labels(rule).set(count)
