"""Lets the store forget what is over: a look each day, and short turns while there is something to delete.

A turn is bounded by time, because the timetable has one thread: clocks and gauges wait for it. Batches are short
transactions, because the reader of logs waits for each.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from credwatch.kernel.clock import Clock, Steady
from credwatch.store import retention
from credwatch.store.database import Database
from credwatch.store.options import RetentionOptions
from credwatch.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_TURN_SECONDS = 1.0
_REST_SECONDS = 86_400.0


class Retention:
    """Deletes what the settings keep no longer."""

    def __init__(
        self, database: Database, metrics: Metrics, options: RetentionOptions, clock: Clock, steady: Steady
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._kept: dict[str, timedelta] = {kind: getattr(options, kind) for kind in RetentionOptions.model_fields}
        self._clock = clock
        self._steady = steady
        self._deleted: dict[str, int] = {}
        self._rests_until = steady()

    def turn(self) -> None:
        """Delete for a second; once nothing is left, say what went, and rest for a day. Raises StoreError."""
        if self._steady() < self._rests_until:
            return
        if self._delete(self._steady() + _TURN_SECONDS):
            return
        log.info("store.retention", deleted=self._deleted, bytes=retention.size(self._database))
        self._deleted = {}
        self._rests_until = self._steady() + _REST_SECONDS

    def _delete(self, end: float) -> bool:
        """Delete until a moment of the steady clock; says whether there may be more."""
        for kind, span in self._kept.items():
            while rows := retention.delete_batch(self._database, kind, self._clock() - span):
                self._metrics.rows_deleted(kind, rows)
                self._deleted[kind] = self._deleted.get(kind, 0) + rows
                self._database.give_back()
                if self._steady() >= end:
                    return True
        return False
