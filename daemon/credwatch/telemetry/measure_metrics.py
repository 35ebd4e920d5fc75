"""What the metrics say of enforcement."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from prometheus_client import CollectorRegistry, Gauge

from credwatch.kernel.measure import STANDING, MeasureState

_TARGETS = {False: "account", True: "address"}


class MeasureMetrics:
    """The series of measures; any thread may call any method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._measures = Gauge(
            "credwatch_measures",
            "Measures that are in force or wait, by what they are against and how they stand.",
            ["target", "state"],
            registry=registry,
        )
        self._stopped = Gauge(
            "credwatch_enforcement_stopped", "1 while a person has stopped enforcement, else 0.", registry=registry
        )
        self.set_totals({})

    def set_totals(self, totals: Mapping[tuple[MeasureState, bool], int]) -> None:
        """Set how many measures there are, by state and whether they are against addresses."""
        for state, on_address in product(sorted(STANDING), (False, True)):
            self._measures.labels(_TARGETS[on_address], state.value).set(totals.get((state, on_address), 0))

    def set_stopped(self, is_stopped: bool) -> None:
        """Set whether a person has stopped enforcement."""
        self._stopped.set(int(is_stopped))
