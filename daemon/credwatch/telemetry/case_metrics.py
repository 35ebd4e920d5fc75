"""What the metrics say of the operators' own work: cases that nobody works on, and silences."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from credwatch.kernel.detection import Detection


class CaseMetrics:
    """The series of forgotten cases and of silences; any thread may call any method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._forgotten = Gauge(
            "credwatch_incidents_forgotten", "Open incidents that nobody has worked on for long.", registry=registry
        )
        self._late_tasks = Gauge(
            "credwatch_case_tasks_overdue",
            "Tasks of cases whose time is over, and that nobody has done.",
            registry=registry,
        )
        self._silenced = Counter(
            "credwatch_silenced_detections_total",
            "Detections that a silence has hidden.",
            ["rule", "level"],
            registry=registry,
        )
        self._running = Gauge("credwatch_silences_running", "Silences that hold now.", registry=registry)
        self._remaining = Gauge(
            "credwatch_silence_remaining_seconds",
            "What the silence nearest its end has left; +Inf where none holds.",
            registry=registry,
        )
        self.set_silences([])

    def declare(self, rule: str, level: str) -> None:
        """Make the series of a rule exist."""
        self._silenced.labels(rule, level)

    def record(self, detections: Iterable[Detection]) -> None:
        """Count those of a batch that a silence has hidden."""
        for detection in detections:
            if detection.silence:
                self._silenced.labels(detection.title, detection.level.name.lower()).inc()

    def set_forgotten(self, incidents: int) -> None:
        """Set how many open incidents nobody has worked on for `operators.forgotten_after`."""
        self._forgotten.set(incidents)

    def set_late_tasks(self, tasks: int) -> None:
        """Set how many tasks are open beyond their time."""
        self._late_tasks.set(tasks)

    def set_silences(self, remaining_seconds: list[float]) -> None:
        """Set how many silences hold, from what each of them has left."""
        self._running.set(len(remaining_seconds))
        self._remaining.set(min(remaining_seconds, default=float("inf")))
