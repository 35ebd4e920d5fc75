"""What the metrics say of laws and contracts: the time that each phase of each regime has left."""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct
from prometheus_client import CollectorRegistry, Gauge


class PhaseStanding(Struct, frozen=True):
    """How the clocks of one phase stand."""

    remaining: float = math.inf
    """What the one nearest its end has left, seconds; negative once it ran out."""
    short: int = 0
    """How many are past their soft limit and have not run out."""
    overdue: int = 0
    """How many ran out."""


class RegimeMetrics:
    """The series of the clocks by regime and phase; any thread may call any method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"credwatch_regime_{name}", text, ["regime", "phase"], registry=registry)

        self._remaining = gauge(
            "clock_remaining_seconds",
            "What the clock of this phase nearest its end has left, negative once it ran out; +Inf: none runs.",
        )
        self._short = gauge("clocks_short", "Clocks past their soft limit that have not run out.")
        self._overdue = gauge("clocks_overdue", "Clocks of this phase that ran out before it was met.")
        self._phases: set[tuple[str, str]] = set()

    def set_clocks(self, standings: Mapping[tuple[str, str], PhaseStanding]) -> None:
        """Set how each regime and phase stands; one that is not named any more has no clock running."""
        self._phases |= {*standings}
        for labels in self._phases:
            standing = standings.get(labels, PhaseStanding())
            self._remaining.labels(*labels).set(standing.remaining)
            self._short.labels(*labels).set(standing.short)
            self._overdue.labels(*labels).set(standing.overdue)
