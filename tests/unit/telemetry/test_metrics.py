"""The metrics: there at zero once declared, true after each report, and served over HTTP."""

from __future__ import annotations

import math
import socket
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from builders_outbox import a_detection, an_incident
from credwatch.detect.episodes.conclusions import Conclusions
from credwatch.kernel.detection import Consequence, Detection
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.incident import ChangeKind, IncidentChange
from credwatch.telemetry.metrics import Metrics
from credwatch.telemetry.serving import serve_metrics

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class AReport(Struct, frozen=True):
    """A report of a batch, valid by default."""

    source: str = "auth"
    lines: int = 10
    events: Mapping[str, int] = field(default_factory=lambda: {"openssh": 6})
    skipped: int = 2
    unparsed: Mapping[str, int] = field(default_factory=lambda: {"unknown_program": 2})
    malformed: Mapping[str, int] = field(default_factory=dict)
    last_event_at: datetime | None = NOW - timedelta(seconds=30)
    received_at: datetime = NOW
    backlog: int = 0
    ahead: int = 0
    guessed: int = 0
    unread: Mapping[tuple[str, str], int] = field(default_factory=lambda: {("source.ip", "no_address"): 3})
    conclusions: Conclusions = field(default_factory=Conclusions)
    detections: tuple[Detection, ...] = ()
    changes: tuple[IncidentChange, ...] = ()
    window_rows: int = 7
    profiles: int = 5
    evicted: int = 2
    seconds: float = 0.2
    commit_seconds: float = 0.1

    @property
    def parts(self) -> tuple[AReport, ...]:
        """It has one part, itself."""
        return (self,)


def brute_force(opened_at: datetime = NOW - timedelta(seconds=3)) -> Detection:
    """Build a detection of a rule called Brute force."""
    return a_detection(
        title="Brute force", consequence=Consequence("brute_force"), occurred_first=opened_at, opened_at=opened_at
    )


@pytest.fixture
def metrics() -> Metrics:
    """Make metrics with one source and one rule declared, at a time that stands still."""
    made = Metrics(clock=lambda: NOW)
    made.declare(sources=["auth"], packs=["openssh"], rules=[("Brute force", "high")], kinds=["brute_force"])
    return made


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return one sample, None where it is not there."""
    return metrics.registry.get_sample_value(f"credwatch_{name}", labels)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("lines_total", {"source": "auth"}),
        ("events_total", {"source": "auth", "pack": "openssh"}),
        ("skipped_lines_total", {"source": "auth"}),
        ("unparsed_lines_total", {"source": "auth", "reason": "unknown_message"}),
        ("malformed_lines_total", {"source": "auth", "reason": "nul"}),
        ("late_events_total", {"source": "auth"}),
        ("source_up", {"source": "auth"}),
        ("source_lag_bytes", {"source": "auth"}),
        ("source_lag_seconds", {"source": "auth"}),
        ("source_last_event_timestamp_seconds", {"source": "auth"}),
        ("source_last_read_timestamp_seconds", {"source": "auth"}),
        ("rule_evaluations_total", {}),
        ("detections_total", {"rule": "Brute force", "level": "high"}),
        ("window_rows", {}),
        ("profiles", {}),
        ("profiles_evicted_total", {}),
        ("incidents_opened_total", {"kind": "brute_force"}),
        ("incidents_open", {"kind": "brute_force"}),
        ("outbox_depth", {"state": "waiting"}),
        ("outbox_depth", {"state": "refused"}),
        ("outbox_oldest_age_seconds", {}),
        ("deliveries_total", {"result": "refused"}),
        ("clocks_running", {"workflow": "disclosure_notice"}),
        ("clocks_overdue", {"workflow": "breach_report"}),
        ("gate_decisions_total", {"endpoint": "password/check", "outcome": "refused"}),
        ("store_failures_total", {}),
        ("batch_duration_seconds_count", {}),
        ("commit_duration_seconds_count", {}),
        ("detection_latency_seconds_count", {}),
    ],
)
def test_series_are_there_at_zero(metrics: Metrics, name: str, labels: dict[str, str]) -> None:
    """A series that is missing until its first event cannot be alerted on."""
    assert value(metrics, name, **labels) == 0


def test_a_start_is_a_good_load(metrics: Metrics) -> None:
    """At the start the configuration was good, the tasks have not been missed, and no clock runs."""
    assert value(metrics, "start_timestamp_seconds") == NOW.timestamp()
    assert value(metrics, "reload_success") == 1
    assert value(metrics, "reload_timestamp_seconds") == NOW.timestamp()
    assert value(metrics, "schedule_last_run_timestamp_seconds", task="clocks") == NOW.timestamp()
    assert value(metrics, "watchdog_timestamp_seconds") == NOW.timestamp()
    assert value(metrics, "clock_remaining_seconds", workflow="customer_notice") == math.inf


def test_a_report_counts_its_lines(metrics: Metrics) -> None:
    """What a batch read is counted by source, pack and reason."""
    metrics.record(AReport(malformed={"nul": 1}))
    metrics.record(AReport())
    assert value(metrics, "lines_total", source="auth") == 20
    assert value(metrics, "events_total", source="auth", pack="openssh") == 12
    assert value(metrics, "skipped_lines_total", source="auth") == 4
    assert value(metrics, "unparsed_lines_total", source="auth", reason="unknown_program") == 4
    assert value(metrics, "unread_values_total", source="auth", field="source.ip", reason="no_address") == 6
    assert value(metrics, "malformed_lines_total", source="auth", reason="nul") == 1
    assert value(metrics, "window_rows") == 7
    assert (value(metrics, "profiles"), value(metrics, "profiles_evicted_total")) == (5, 4)
    assert value(metrics, "batch_duration_seconds_sum") == pytest.approx(0.4)
    assert value(metrics, "commit_duration_seconds_sum") == pytest.approx(0.2)


def test_a_report_says_how_far_the_source_is(metrics: Metrics) -> None:
    """While bytes wait, the age of the latest event is the lag."""
    metrics.record(AReport(backlog=5000))
    assert value(metrics, "source_up", source="auth") == 1
    assert value(metrics, "source_lag_bytes", source="auth") == 5000
    assert value(metrics, "source_lag_seconds", source="auth") == 30
    assert value(metrics, "source_last_event_timestamp_seconds", source="auth") == NOW.timestamp() - 30
    assert value(metrics, "source_last_read_timestamp_seconds", source="auth") == NOW.timestamp()


@pytest.mark.parametrize("last", [None, NOW - timedelta(days=3), NOW + timedelta(hours=1)])
def test_nothing_waiting_is_no_lag(metrics: Metrics, last: datetime | None) -> None:
    """Old lines that were all read are no lag, nor are lines from a clock that is ahead."""
    metrics.record(AReport(backlog=5000))
    metrics.record(AReport(backlog=0, last_event_at=last))
    assert value(metrics, "source_lag_seconds", source="auth") == 0
    assert value(metrics, "source_lag_bytes", source="auth") == 0


def test_a_source_that_gives_nothing_more_has_caught_up(metrics: Metrics) -> None:
    """Lag ends also where the last bytes were no complete line."""
    metrics.record(AReport(backlog=5000))
    metrics.set_caught_up("auth")
    assert value(metrics, "source_lag_seconds", source="auth") == 0
    assert value(metrics, "source_lag_bytes", source="auth") == 0


def test_a_report_counts_what_was_found(metrics: Metrics) -> None:
    """Detections, their latency, late events and opened incidents are counted; updates open nothing."""
    changes = (
        IncidentChange(ChangeKind.OPENED, an_incident(kind="brute_force", recorded_at=NOW, detected_at=NOW)),
        IncidentChange(ChangeKind.UPDATED, an_incident(kind="brute_force", recorded_at=NOW, detected_at=NOW)),
    )
    found = Conclusions(late={"auth": 2}, evaluations=60)
    detections = (brute_force(NOW),)
    at = NOW + timedelta(seconds=3)
    metrics.record(AReport(conclusions=found, detections=detections, changes=changes, received_at=at))
    assert value(metrics, "detections_total", rule="Brute force", level="high") == 1
    assert value(metrics, "detection_latency_seconds_sum") == pytest.approx(3.2)
    assert value(metrics, "late_events_total", source="auth") == 2
    assert value(metrics, "rule_evaluations_total") == 60
    assert value(metrics, "incidents_opened_total", kind="brute_force") == 1


@pytest.mark.parametrize(
    "old", [brute_force(NOW - timedelta(seconds=1)), replace(brute_force(NOW + timedelta(seconds=1)), history=True)]
)
def test_latency_is_that_of_what_is_read_live(metrics: Metrics, old: Detection) -> None:
    """What happened before the start, or long before it was read, is counted as a detection and not timed."""
    metrics.record(AReport(detections=(old,)))
    assert value(metrics, "detections_total", rule="Brute force", level="high") == 1
    assert value(metrics, "detection_latency_seconds_count") == 0


def test_a_source_that_fails_is_down(metrics: Metrics) -> None:
    """The last moment it could be read stays."""
    metrics.set_sources_up({"auth": True})
    metrics.set_sources_up({"auth": False})
    assert value(metrics, "source_up", source="auth") == 0
    assert value(metrics, "source_last_read_timestamp_seconds", source="auth") == NOW.timestamp()


def test_what_is_not_named_is_none(metrics: Metrics) -> None:
    """Gauges that the store feeds go back to zero when it names a kind or workflow no longer."""
    metrics.set_open_incidents({"brute_force": 2, "other": 1})
    metrics.set_open_incidents({"other": 1})
    metrics.set_clocks({"customer_notice": (2, 1, -5.0)})
    assert value(metrics, "clock_remaining_seconds", workflow="customer_notice") == -5
    assert value(metrics, "clocks_overdue", workflow="customer_notice") == 1
    metrics.set_clocks({})
    assert value(metrics, "incidents_open", kind="brute_force") == 0
    assert value(metrics, "incidents_open", kind="other") == 1
    assert value(metrics, "clocks_running", workflow="customer_notice") == 0
    assert value(metrics, "clock_remaining_seconds", workflow="customer_notice") == math.inf


def test_the_outbox_and_the_gate_are_told(metrics: Metrics) -> None:
    """Depth by state, the oldest age, attempts by result, answers by endpoint."""
    metrics.set_outbox(3, 1, 12.5)
    metrics.settled("retry")
    metrics.gate_answered("totp/verify", "accepted")
    assert value(metrics, "outbox_depth", state="waiting") == 3
    assert value(metrics, "outbox_depth", state="refused") == 1
    assert value(metrics, "outbox_oldest_age_seconds") == 12.5
    assert value(metrics, "deliveries_total", result="retry") == 1
    assert value(metrics, "gate_decisions_total", endpoint="totp/verify", outcome="accepted") == 1


def test_a_failed_reload_keeps_the_moment_of_the_good_one(metrics: Metrics) -> None:
    """The moment says since when the present state is in force."""
    metrics.reloaded(False, NOW + timedelta(hours=1))
    assert value(metrics, "reload_success") == 0
    assert value(metrics, "reload_timestamp_seconds") == NOW.timestamp()


def test_declaring_again_keeps_counts_and_forgets_gauges_of_sources_that_went(metrics: Metrics) -> None:
    """A reload neither resets a counter nor leaves an alert burning about a source that was taken away."""
    metrics.record(AReport(lines=10))
    metrics.set_clocks({"customer_notice": (1, 0, 60.0)})
    metrics.declare(sources=["application"], workflows=["customer_notice"])
    assert value(metrics, "lines_total", source="auth") == 10
    assert value(metrics, "source_up", source="auth") is None
    assert value(metrics, "source_up", source="application") == 0
    assert value(metrics, "clock_remaining_seconds", workflow="customer_notice") == 60


def test_two_daemons_in_one_process_do_not_share() -> None:
    """Metrics live in a registry of their own."""
    one, other = Metrics(), Metrics()
    one.store_failed()
    assert value(other, "store_failures_total") == 0


def test_metrics_are_served_until_stopped(metrics: Metrics) -> None:
    """Port 0 picks a free port and tells it; after stop nobody answers there."""
    served = serve_metrics(metrics, "127.0.0.1", 0)
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    served.stop()
    assert 'credwatch_lines_total{source="auth"} 0.0' in text
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", served.port), timeout=60)


def test_a_taken_port_is_told_with_advice(metrics: Metrics) -> None:
    """The error names the address and what to do."""
    served = serve_metrics(metrics, "127.0.0.1", 0)
    try:
        with pytest.raises(ConfigurationError, match="another program may use the port"):
            serve_metrics(metrics, "127.0.0.1", served.port)
    finally:
        served.stop()


def test_silences_are_counted() -> None:
    """How many hold, what the next has left, and what they have hidden by rule; where none holds nothing ends."""
    metrics = Metrics(clock=lambda: NOW)
    metrics.declare(rules=[("Brute force", "high")])
    value = metrics.registry.get_sample_value
    assert (0, math.inf) == (value("credwatch_silences_running"), value("credwatch_silence_remaining_seconds"))
    metrics.cases.set_silences([7200.0, 60.0])
    assert (2, 60) == (value("credwatch_silences_running"), value("credwatch_silence_remaining_seconds"))
    labels = {"rule": "Brute force", "level": "high"}
    assert 0 == value("credwatch_silenced_detections_total", labels)
    metrics.cases.record([brute_force(), replace(brute_force(), silence="silence-1")])
    assert 1 == value("credwatch_silenced_detections_total", labels)
