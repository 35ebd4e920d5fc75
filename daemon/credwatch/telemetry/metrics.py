"""Turns what the daemon does into Prometheus series, in a registry of its own."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, disable_created_metrics

from credwatch.kernel.clock import Clock, system_clock
from credwatch.kernel.detection import Detection
from credwatch.kernel.incident import ChangeKind
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.telemetry.access_metrics import AccessMetrics
from credwatch.telemetry.archive_metrics import ArchiveMetrics
from credwatch.telemetry.audit_metrics import AuditMetrics
from credwatch.telemetry.batch_report import BatchReport, LogReport
from credwatch.telemetry.canary_metrics import CanaryMetrics
from credwatch.telemetry.case_metrics import CaseMetrics
from credwatch.telemetry.label_values import (
    FILE_EVENTS,
    GATE_ENDPOINTS,
    GATE_OUTCOMES,
    MAIL_OUTCOMES,
    MALFORMED,
    OUTBOX_STATES,
    PORTAL_OUTCOMES,
    PUSH_OUTCOMES,
    RESULTS,
    RETENTION_KINDS,
    STREAM_STATES,
    TASKS,
    UNPARSED,
    UNREAD_VALUES,
    WAYS,
    WORKFLOWS,
)
from credwatch.telemetry.measure_metrics import MeasureMetrics
from credwatch.telemetry.posture_metrics import PostureMetrics
from credwatch.telemetry.regime_metrics import RegimeMetrics
from credwatch.telemetry.rehearsal_metrics import RehearsalMetrics
from credwatch.telemetry.series import DaemonSeries, DetectionSeries, DutySeries, SourceSeries


class Metrics:
    """The daemon's metrics. Every series is there at zero as soon as its names are declared.

    Any thread may call any method. Labels hold names from the configuration and the rules only, never anything that a
    log line or a person wrote.
    """

    def __init__(self, clock: Clock = system_clock) -> None:
        # A second series beside each counter, which says only when that was made: twice the series for nothing.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # published without its type
        self.registry = CollectorRegistry()
        self._clock = clock
        self._started_at = clock()
        self._declared: frozenset[str] = frozenset()
        self._sources = SourceSeries(self.registry)
        self._detection = DetectionSeries(self.registry)
        self.cases = CaseMetrics(self.registry)
        """What the operators' own work comes to."""
        self.regimes = RegimeMetrics(self.registry)
        """What laws and contracts leave of their times."""
        self.archive = ArchiveMetrics(self.registry)
        """How the archive of events stands."""
        self.audit = AuditMetrics(self.registry)
        """How the audit trail stands."""
        self.access = AccessMetrics(self.registry)
        """What staff ask of customers' accounts."""
        self.measures = MeasureMetrics(self.registry)
        """What is done against accounts and addresses."""
        self.posture = PostureMetrics(self.registry)
        """How accounts stand."""
        self.canaries = CanaryMetrics(self.registry)
        """What canaries prove."""
        self.rehearsals = RehearsalMetrics(self.registry)
        """What rehearsals of the timetable prove."""
        self._duties = DutySeries(self.registry)
        self._daemon = DaemonSeries(self.registry)
        ProcessCollector(registry=self.registry)
        self._begin()
        for kind in RETENTION_KINDS:
            self._daemon.rows_deleted.labels(kind)

    def declare(
        self,
        *,
        sources: Iterable[str] = (),
        packs: Iterable[str] = (),
        rules: Iterable[tuple[str, str]] = (),
        shadow_rules: Iterable[tuple[str, str]] = (),
        kinds: Iterable[str] = (),
        workflows: Iterable[str] = (),
    ) -> None:
        """Make the series of these names exist; call it at the start and after each reload.

        `rules` and `shadow_rules` are (rule, level in small letters), `kinds` are kinds of incidents.
        A source that is no longer named loses its gauges, so that no alert goes on about it;
        counters stay, for a counter must not vanish.
        """
        named = frozenset(sources)
        for source in named:
            self._declare_source(source, packs)
        for source in self._declared - named:
            for gauge in self._source_gauges():
                gauge.remove(source)
        self._declared = named
        for rule, level in rules:
            self._detection.detections.labels(rule, level)
            self.cases.declare(rule, level)
            self._detection.dropped.labels(rule)
        for rule, level in shadow_rules:
            self._detection.shadow.labels(rule, level)
            self._detection.dropped.labels(rule)
        for kind in kinds:
            self._detection.opened.labels(kind)
            self._detection.history.labels(kind)
            self._detection.open.labels(kind)
        for workflow in workflows:
            self._declare_workflow(workflow)

    def record(self, report: BatchReport) -> None:
        """Take up the report of a committed batch."""
        for part in report.parts:
            self._record_lines(part)
            self._record_place(part)
        for source, events in report.conclusions.late.items():
            self._sources.late.labels(source).inc(events)
        self._record_found(report)
        self._daemon.batch.observe(report.seconds)
        self._daemon.commit.observe(report.commit_seconds)

    def set_sources_up(self, up: Mapping[str, bool]) -> None:
        """Say which sources could be read when they were asked just now."""
        for source, is_up in up.items():
            self._sources.up.labels(source).set(is_up)
            if is_up:
                self._sources.last_read.labels(source).set(self._clock().timestamp())

    def declare_push(self, sources: Iterable[str]) -> None:
        """Make the series exist of the sources that shippers push to, and of requests that name none."""
        _declare(self._sources.pushed, product(("", *sources), PUSH_OUTCOMES))
        for source in sources:
            self._sources.push_refused.labels(source)

    def declare_streams(self, sources: Iterable[str]) -> None:
        """Make the series exist of the sources that read streams."""
        _declare(self._sources.stream_messages, product(sources, STREAM_STATES))

    def stream_looked_at(self, source: str, pending: int, unacknowledged: int, again: int) -> None:
        """Record how many messages of a stream wait there, are under way, and came again."""
        for state, number in zip(STREAM_STATES, (pending, unacknowledged, again), strict=True):
            self._sources.stream_messages.labels(source, state).set(number)

    def pushed(self, source: str, outcome: str, refused: int) -> None:
        """Count one request of a shipper: one of PUSH_OUTCOMES, and how many of its records were not taken."""
        self._sources.pushed.labels(source, outcome).inc()
        if refused:
            self._sources.push_refused.labels(source).inc(refused)

    def count_file_events(self, source: str, what: str, count: int) -> None:
        """Count what befell the files of a source."""
        self._sources.files.labels(source, what).inc(count)

    def set_caught_up(self, source: str) -> None:
        """Say that nothing waits in a source."""
        self._sources.lag_bytes.labels(source).set(0)
        self._sources.lag_seconds.labels(source).set(0)

    def set_open_incidents(self, by_kind: Mapping[str, int]) -> None:
        """Set how many incidents of each kind are open; kinds that are not named have none."""
        for kind in {*by_kind, *_label_values(self._detection.open)}:
            self._detection.open.labels(kind).set(by_kind.get(kind, 0))

    def set_outbox(self, waiting: int, refused: int, oldest_seconds: float) -> None:
        """Set what is in the outbox, and the age in seconds of the oldest message that waits."""
        self._duties.depth.labels("waiting").set(waiting)
        self._duties.depth.labels("refused").set(refused)
        self._duties.oldest.set(oldest_seconds)

    def set_held(self, held: int, oldest_seconds: float) -> None:
        """Set how many messages wait for a person, and the age in seconds of the oldest of them."""
        self._duties.depth.labels("held").set(held)
        self._duties.oldest_held.set(oldest_seconds)

    def settled(self, result: str) -> None:
        """Count one attempt to deliver: `delivered`, `retry` or `refused`."""
        self._duties.deliveries.labels(result).inc()

    def set_certificates(self, ends: Mapping[str, datetime]) -> None:
        """Say when the certificates of listeners end."""
        for listener, end in ends.items():
            self._daemon.certificate_end.labels(listener).set(end.timestamp())

    def set_mail_down(self, is_down: bool) -> None:
        """Say whether the mail server takes nothing from anybody."""
        self._duties.mail_down.set(is_down)

    def told_otherwise(self, way: str, succeeded: bool) -> None:
        """Count one escalation that another way than mail took, or did not."""
        self._duties.told.labels(way, "delivered" if succeeded else "failed").inc()

    def set_clocks(self, clocks: Mapping[str, tuple[int, int, float]]) -> None:
        """Set the clocks of each workflow: how many run, how many of them are overdue, the least remaining seconds.

        Workflows that are not named have no clock running.
        """
        for workflow in {*clocks, *_label_values(self._duties.running)}:
            running, overdue, remaining = clocks.get(workflow, (0, 0, math.inf))
            self._duties.running.labels(workflow).set(running)
            self._duties.overdue.labels(workflow).set(overdue)
            self._duties.remaining.labels(workflow).set(remaining)

    def gate_answered(self, endpoint: str, outcome: str) -> None:
        """Count one answer of the gate: one of GATE_ENDPOINTS and one of GATE_OUTCOMES."""
        self._duties.gate.labels(endpoint, outcome).inc()

    def portal_answered(self, outcome: str) -> None:
        """Count one request for the customers' pages: one of PORTAL_OUTCOMES."""
        self._duties.portal.labels(outcome).inc()

    def mail_taken(self, outcome: MailOutcome) -> None:
        """Count one mail that came in."""
        self._duties.mails.labels(outcome.value).inc()

    def store_failed(self) -> None:
        """Count one read or commit that the store refused."""
        self._daemon.store_failures.inc()

    def set_store_bytes(self, size: int) -> None:
        """Set the size of the store in bytes."""
        self._daemon.store_bytes.set(size)

    def rows_deleted(self, kind: str, rows: int) -> None:
        """Count rows that were kept for long enough; `kind` is a key of `[retention]`."""
        self._daemon.rows_deleted.labels(kind).inc(rows)

    def set_part(self, part: str, *, is_up: bool) -> None:
        """Say whether one of PARTS lives; one that is switched off has no series."""
        self._daemon.part_up.labels(part).set(is_up)
        self._daemon.part_deaths.labels(part)

    def part_died(self, part: str) -> None:
        """Count one death of a part that had lived."""
        self._daemon.part_deaths.labels(part).inc()

    def reloaded(self, succeeded: bool, at: datetime) -> None:
        """Say how a reload ended; the moment is kept for the last one that succeeded."""
        self._daemon.reload_success.set(succeeded)
        if succeeded:
            self._daemon.reload_at.set(at.timestamp())

    def ran(self, task: str, at: datetime) -> None:
        """Say that a task of the timetable ended well."""
        self._daemon.ran_at.labels(task).set(at.timestamp())

    def clock_stepped(self, step: timedelta) -> None:
        """Count that the machine's clock was set, by so much."""
        self._daemon.clock_steps.labels("forward" if step > timedelta() else "back").inc()

    def alive(self) -> None:
        """Say that the daemon has just found itself alive, as it tells systemd's watchdog."""
        self._daemon.watchdog.set(self._clock().timestamp())

    def _begin(self) -> None:
        """Set what has one value from the start: the start is a load that succeeded."""
        now = self._started_at
        # Not process_start_time_seconds: it is wrong where ProcSubset=pid hides /proc/stat, which has the boot time.
        self._daemon.started_at.set(now.timestamp())
        self.reloaded(True, now)
        self.alive()
        for task in TASKS:
            self.ran(task, now)
        self._daemon.build.labels(version("credwatch"), platform.python_version(), version("polars")).set(1)
        for workflow in WORKFLOWS:
            self._declare_workflow(workflow)
        duties, both = self._duties, ("delivered", "failed")
        _declare(duties.deliveries, ((result,) for result in RESULTS))
        _declare(duties.told, product(WAYS, both))
        _declare(duties.depth, ((state,) for state in OUTBOX_STATES))
        _declare(duties.gate, product(GATE_ENDPOINTS, GATE_OUTCOMES))
        _declare(duties.portal, ((outcome,) for outcome in PORTAL_OUTCOMES))
        _declare(duties.mails, ((outcome,) for outcome in MAIL_OUTCOMES))
        _declare(self._daemon.clock_steps, (("forward",), ("back",)))

    def _declare_workflow(self, workflow: str) -> None:
        if workflow not in _label_values(self._duties.running):
            self._duties.running.labels(workflow)
            self._duties.overdue.labels(workflow)
            self._duties.remaining.labels(workflow).set(math.inf)

    def _declare_source(self, source: str, packs: Iterable[str]) -> None:
        series = self._sources
        for family in (*self._source_gauges(), series.lines, series.skipped, series.late, series.ahead, series.guessed):
            family.labels(source)
        for pack in packs:
            series.events.labels(source, pack)
        for reason in UNPARSED:
            series.unparsed.labels(source, reason)
        for field, reason in UNREAD_VALUES:
            series.unread.labels(source, field, reason)
        for reason in MALFORMED:
            series.malformed.labels(source, reason)
        for what in FILE_EVENTS:
            series.files.labels(source, what)

    def _source_gauges(self) -> tuple[Gauge, ...]:
        series = self._sources
        return (series.up, series.lag_bytes, series.lag_seconds, series.last_event, series.last_read)

    def _record_lines(self, report: LogReport) -> None:
        series, source = self._sources, report.source
        series.lines.labels(source).inc(report.lines)
        series.skipped.labels(source).inc(report.skipped)
        series.ahead.labels(source).inc(report.ahead)
        series.guessed.labels(source).inc(report.guessed)
        for pack, count in report.events.items():
            series.events.labels(source, pack).inc(count)
        for reason, count in report.unparsed.items():
            series.unparsed.labels(source, reason).inc(count)
        for (field, reason), count in report.unread.items():
            series.unread.labels(source, field, reason).inc(count)
        for reason, count in report.malformed.items():
            series.malformed.labels(source, reason).inc(count)

    def _record_place(self, report: LogReport) -> None:
        """Say how far the source has been read: a chunk that came proves that it could be read."""
        series, source = self._sources, report.source
        series.up.labels(source).set(1)
        series.last_read.labels(source).set(report.received_at.timestamp())
        series.lag_bytes.labels(source).set(report.backlog)
        behind = 0.0
        if report.last_event_at is not None:
            series.last_event.labels(source).set(report.last_event_at.timestamp())
            behind = max(0.0, (report.received_at - report.last_event_at).total_seconds())
        series.lag_seconds.labels(source).set(behind if report.backlog else 0.0)

    def _record_found(self, report: BatchReport) -> None:
        series, tally = self._detection, report.conclusions
        series.evaluations.inc(tally.evaluations)
        series.window_rows.set(report.window_rows)
        for rule, rows in tally.dropped:
            series.dropped.labels(rule).inc(rows)
        series.profiles.set(report.profiles)
        series.evicted.inc(report.evicted)
        self.cases.record(report.detections)
        for detection in report.detections:
            counted = series.shadow if detection.shadow else series.detections
            counted.labels(detection.title, detection.level.name.lower()).inc()
            if self._is_live(detection):
                waited = (report.received_at - detection.opened_at).total_seconds() + report.seconds
                series.latency.observe(max(0.0, waited))
        for change in report.changes:
            if change.kind is ChangeKind.OPENED:
                series.opened.labels(change.incident.kind).inc()
                series.history.labels(change.incident.kind).inc(change.incident.history)

    def _is_live(self, detection: Detection) -> bool:
        """Say whether a detection could be made in time: of what happened before the start none could."""
        return not detection.history and detection.opened_at >= self._started_at


def _label_values(gauge: Gauge) -> set[str]:
    """List the values that a gauge's one label has so far."""
    return {value for family in gauge.collect() for sample in family.samples for value in sample.labels.values()}


def _declare(family: Counter | Gauge, labels: Iterable[tuple[str, ...]]) -> None:
    """Have the series of these labels exist from the start, so that an alert on one sees its first change."""
    for values in labels:
        family.labels(*values)
