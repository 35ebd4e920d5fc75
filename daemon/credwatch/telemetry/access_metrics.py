"""What the metrics say of the access of staff to customers' accounts."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from credwatch.kernel.access import AccessState
from credwatch.telemetry.label_values import ACCESS_OUTCOMES


class AccessMetrics:
    """The series of requests for access; any thread may call any method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Gauge(
            "credwatch_access_requests", "Requests for access that wait or hold.", ["state"], registry=registry
        )
        self._unreviewed = Gauge(
            "credwatch_access_unreviewed", "Emergencies that nobody has reviewed yet.", registry=registry
        )
        self._answers = Counter(
            "credwatch_access_api_requests_total",
            "Requests of ticket systems, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        for outcome in ACCESS_OUTCOMES:
            self._answers.labels(outcome)
        self.set_requests({}, 0)

    def set_requests(self, counts: Mapping[AccessState, int], unreviewed: int) -> None:
        """Set how many requests wait and hold, and how many emergencies must be reviewed."""
        for state in (AccessState.WAITING, AccessState.GRANTED):
            self._requests.labels(state.value).set(counts.get(state, 0))
        self._unreviewed.set(unreviewed)

    def answered(self, outcome: str) -> None:
        """Count one request of a ticket system: one of ACCESS_OUTCOMES."""
        self._answers.labels(outcome).inc()
