"""What the daemon tells Prometheus: every series is there from the start, at zero."""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Protocol
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

from credwatch.detect.engine import Found
from credwatch.kernel.incident import ChangeKind, IncidentChange

UNPARSED_REASONS = (
    "no_envelope",
    "no_timestamp",
    "unknown_program",
    "unknown_message",
    "not_json",
    "unknown_json",
    "unknown_action",
    "internal_error",
)
MALFORMED_REASONS = ("not_utf8", "nul", "control", "too_long")
RESULTS = ("delivered", "retry", "refused")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_NO_CLOCK = float("inf")


class Batch(Protocol):
    """What `record` reads of a batch's report."""

    @property
    def source(self) -> str: ...
    @property
    def lines(self) -> int: ...
    @property
    def events(self) -> Mapping[str, int]: ...
    @property
    def skipped(self) -> int: ...
    @property
    def unparsed(self) -> Mapping[str, int]: ...
    @property
    def malformed(self) -> Mapping[str, int]: ...
    @property
    def last_event_at(self) -> datetime | None: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def backlog(self) -> int: ...
    @property
    def found(self) -> Found: ...
    @property
    def changes(self) -> tuple[IncidentChange, ...]: ...
    @property
    def window_rows(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def commit_seconds(self) -> float: ...


class Metrics:
    """All metrics in a registry of their own. Labels are names from the configuration, never from a log line."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = {"namespace": "credwatch", "registry": self.registry}
        # Lines
        self._lines = Counter("lines", "Lines taken.", ["source"], **own)
        self._events = Counter("events", "Lines that gave an event.", ["source", "pack"], **own)
        self._skipped = Counter("skipped_lines", "Lines known as no event.", ["source"], **own)
        self._unparsed = Counter("unparsed_lines", "Lines that nothing read.", ["source", "reason"], **own)
        self._malformed = Counter(
            "malformed_lines", "Lines with bytes no line should have.", ["source", "reason"], **own
        )
        self._late = Counter("late_events", "Events too late for the windows.", ["source"], **own)
        self._backlog = Gauge("source_backlog_bytes", "Bytes that wait to be read.", ["source"], **own)
        self._last_event = Gauge("source_last_event_timestamp_seconds", "Latest event time.", ["source"], **own)
        self._last_read = Gauge("source_last_read_timestamp_seconds", "When lines were last read.", ["source"], **own)
        self._up = Gauge("source_up", "1 where the source can be read.", ["source"], **own)
        # Rules
        self._evaluations = Counter("rule_evaluations", "Rules held against events.", **own)
        self._detections = Counter("detections", "Detections opened.", ["rule", "level"], **own)
        self._window_rows = Gauge("window_rows", "Rows kept in windows.", **own)
        # What follows
        self._opened = Counter("incidents_opened", "Incidents opened.", ["kind"], **own)
        self._open = Gauge("incidents_open", "Incidents open now.", ["kind"], **own)
        self._depth = Gauge("outbox_depth", "Messages by state.", ["state"], **own)
        self._oldest = Gauge("outbox_oldest_age_seconds", "Age of the oldest message that waits.", **own)
        self._deliveries = Counter("deliveries", "Attempts to deliver, by result.", ["result"], **own)
        self._remaining = Gauge(
            "clock_remaining_seconds",
            "Time left on the tightest running clock; +Inf where none runs.",
            ["workflow"],
            **own,
        )
        self._running = Gauge("clocks_running", "Legal clocks not met.", ["workflow"], **own)
        self._overdue = Gauge("clocks_overdue", "Legal clocks that have run out.", ["workflow"], **own)
        # The daemon itself
        self._batch = Histogram("batch_duration_seconds", "A batch, from lines to commit.", buckets=_SECONDS, **own)
        self._commit = Histogram("commit_duration_seconds", "The transaction of a batch.", buckets=_SECONDS, **own)
        self._store_failures = Counter("store_failures", "Commits that the store refused.", **own)
        self._reload = Gauge("reload_success", "1 where the last reload succeeded.", **own)
        self._reloaded_at = Gauge("reload_timestamp_seconds", "When the last reload was tried.", **own)
        self._ran = Gauge("schedule_last_run_timestamp_seconds", "When a job last ran.", ["job"], **own)
        build = Info("build", "What is running.", **own)
        build.info({"version": version("credwatch"), "python": platform.python_version(), "polars": version("polars")})
        self._start()

    def _start(self) -> None:
        for reason in RESULTS:
            self._deliveries.labels(reason)
        for state in ("waiting", "refused"):
            self._depth.labels(state)
        self._reload.set(1)
        ProcessCollector(namespace="credwatch", registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def declare(
        self,
        *,
        sources: Iterable[str],
        packs: Iterable[str],
        rules: Iterable[tuple[str, str]],
        kinds: Iterable[str],
        workflows: Iterable[str],
        jobs: Iterable[str] = (),
    ) -> None:
        """Make every series of these names exist, at zero; may be called again after a reload."""
        packs = tuple(packs)
        for source in sources:
            for plain in (self._lines, self._skipped, self._late, self._backlog, self._last_event, self._last_read):
                plain.labels(source)
            self._up.labels(source)
            for pack in packs:
                self._events.labels(source, pack)
            for reason in UNPARSED_REASONS:
                self._unparsed.labels(source, reason)
            for reason in MALFORMED_REASONS:
                self._malformed.labels(source, reason)
        for rule, level in rules:
            self._detections.labels(rule, level)
        for kind in kinds:
            self._opened.labels(kind)
            self._open.labels(kind)
        for workflow in workflows:
            self._remaining.labels(workflow).set(_NO_CLOCK)
            self._running.labels(workflow)
            self._overdue.labels(workflow)
        for job in jobs:
            self._ran.labels(job)

    def record(self, batch: Batch) -> None:
        """Count one committed batch."""
        source = batch.source
        self._lines.labels(source).inc(batch.lines)
        self._skipped.labels(source).inc(batch.skipped)
        self._late.labels(source).inc(batch.found.late)
        self._backlog.labels(source).set(batch.backlog)
        self._last_read.labels(source).set(batch.received_at.timestamp())
        self._up.labels(source).set(1)
        if batch.last_event_at is not None:
            self._last_event.labels(source).set(batch.last_event_at.timestamp())
        for pack, count in batch.events.items():
            self._events.labels(source, pack).inc(count)
        for reason, count in batch.unparsed.items():
            self._unparsed.labels(source, reason).inc(count)
        for reason, count in batch.malformed.items():
            self._malformed.labels(source, reason).inc(count)
        self._record_findings(batch)

    def _record_findings(self, batch: Batch) -> None:
        self._evaluations.inc(batch.found.evaluations)
        self._window_rows.set(batch.window_rows)
        for detection in batch.found.detections:
            self._detections.labels(detection.title, detection.level.name.lower()).inc()
        for change in batch.changes:
            if change.kind is ChangeKind.OPENED:
                self._opened.labels(change.incident.kind).inc()
        self._batch.observe(batch.seconds)
        self._commit.observe(batch.commit_seconds)

    def set_source_up(self, source: str, up: bool) -> None:
        """Say whether a source can be read now."""
        self._up.labels(source).set(up)

    def set_open_incidents(self, by_kind: Mapping[str, int]) -> None:
        """Set the open incidents of every declared kind."""
        known = {sample.labels["kind"] for metric in self._open.collect() for sample in metric.samples}
        for kind in known | set(by_kind):
            self._open.labels(kind).set(by_kind.get(kind, 0))

    def set_outbox(self, *, waiting: int, refused: int, oldest_age: float) -> None:
        """Set the queue's depth, and the age of its oldest waiting message in seconds."""
        self._depth.labels("waiting").set(waiting)
        self._depth.labels("refused").set(refused)
        self._oldest.set(oldest_age)

    def set_clocks(self, clocks: Mapping[str, tuple[int, int, float]]) -> None:
        """Set each workflow's clocks: how many run, how many have run out, and the least time left in seconds."""
        known = {sample.labels["workflow"] for metric in self._running.collect() for sample in metric.samples}
        for workflow in known | set(clocks):
            running, overdue, remaining = clocks.get(workflow, (0, 0, _NO_CLOCK))
            self._running.labels(workflow).set(running)
            self._overdue.labels(workflow).set(overdue)
            self._remaining.labels(workflow).set(remaining)

    def settled(self, result: str) -> None:
        """Count an attempt to deliver: delivered, retry or refused."""
        self._deliveries.labels(result).inc()

    def store_failed(self) -> None:
        """Count a commit that the store refused."""
        self._store_failures.inc()

    def ran(self, job: str, at: datetime) -> None:
        """Note that a job of the timetable ran."""
        self._ran.labels(job).set(at.timestamp())

    def reloaded(self, success: bool, at: datetime) -> None:
        """Note a reload."""
        self._reload.set(success)
        self._reloaded_at.set(at.timestamp())


@dataclass(frozen=True, slots=True)
class Served:
    """A running metrics listener."""

    port: int
    """The port it listens on."""
    server: WSGIServer
    """The server."""
    thread: threading.Thread
    """Its thread."""

    def stop(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def serve_metrics(metrics: Metrics, address: str, port: int) -> Served:
    """Serve the metrics over HTTP; port 0 picks a free one. Raises OSError where the address is taken."""
    server, thread = start_http_server(port, addr=address, registry=metrics.registry)
    return Served(server.server_port, server, thread)
