"""The part that tells Prometheus: the metrics' HTTP server, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from credwatch.service.parts.interface import Trouble
from credwatch.telemetry.serving import ServedMetrics

log = structlog.get_logger(__name__)


class MetricsPart:
    """Serves the metrics."""

    name = "metrics"
    is_vital = False

    def __init__(self, address: str, serve: Callable[[], ServedMetrics]) -> None:
        self._address = address
        self._serve = serve
        self._served: ServedMetrics | None = None

    async def start(self) -> None:
        """Listen; raises ConfigurationError where the port cannot be had."""
        self._served = await asyncio.to_thread(self._serve)
        log.info("metrics.listening", address=self._address, port=self._served.port)

    def trouble(self) -> Trouble | None:
        """See whether its thread lives."""
        if self._served is None or not self._served.is_alive():
            return Trouble("its thread has ended")
        return None

    async def stop(self) -> None:
        """Give the port back."""
        served, self._served = self._served, None
        if served is not None:
            await asyncio.to_thread(served.stop)
