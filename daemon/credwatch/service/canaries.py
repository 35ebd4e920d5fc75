"""Sends canaries: logins that are made up, by the way of any login, from a line to a message that was accepted.

One is under way at a time. The store has which one before its line is written, and the line is written where the file
lacks it: so a restart goes on with it, and it becomes one message, whose id follows from it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from msgspec.json import encode
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.kernel.canary import canary_id
from credwatch.kernel.clock import Clock, rfc3339
from credwatch.ledger.entry import Act, ActKind
from credwatch.service.schedule import Every, Job
from credwatch.store import audit, canaries, outbox
from credwatch.store.canaries import Flight
from credwatch.store.database import Database
from credwatch.telemetry.metrics import Metrics
from credwatch.workflows.escalation import on_canary_lost
from credwatch.workflows.facts import Facts

log = structlog.get_logger(__name__)

_TURN_SECONDS = 5
_AFTER_LOSS = timedelta(hours=1)
"""So long after one was lost the next is begun: where lines wait, no crowd of them shall wait too."""
_MOST_BYTES = 65_536
"""A file of canaries that is longer is put aside, and begun anew."""


class Canaries:
    """Begins canaries by the clock, and tells what came of each; the timetable's thread calls it alone."""

    def __init__(
        self,
        file: Path,
        every: timedelta,
        within: timedelta,
        database: Database,
        metrics: Metrics,
        clock: Clock,
        facts: Callable[[], Facts],
        wake_outbox: Callable[[], None],
    ) -> None:
        self._file = file
        self._every = every
        self._within = within
        self._database = database
        self._metrics = metrics
        self._clock = clock
        self._facts = facts
        self._wake_outbox = wake_outbox
        self._is_first = True

    def jobs(self) -> list[Job]:
        """Name the job and its time."""
        return [Job("canary", Every(_TURN_SECONDS), self.turn)]

    def turn(self) -> None:
        """See what came of the canary under way, or begin one that is due; raises StoreError."""
        now = self._clock()
        with self._database.writing() as connection:
            canary = canaries.flight(connection)
            if canary is not None and canary.arrived_at is None:
                canary = self._looked_after(connection, canary, now)
            begun = canary
            if self._is_due(connection, canary, now):
                canaries.forget_settled(connection)
                begun = Flight(canary.number + 1 if canary else 1, _to_milliseconds(now))
                canaries.save_flight(connection, begun)
        if self._is_first and begun is not None:
            self._metrics.canaries.restored(is_lost=begun.lost_at is not None and begun.arrived_at is None)
        self._is_first = False
        if begun is not None and begun.arrived_at is None and begun.lost_at is None:
            self._write(begun)

    def _is_due(self, connection: Connection, canary: Flight | None, now: datetime) -> bool:
        if canary is None:
            return True
        since = now - canary.begun_at
        if since < timedelta(0):  # the clock was set back
            return canary.arrived_at is not None
        if canary.arrived_at is not None:
            return since >= self._every
        return canary.lost_at is not None and since >= _AFTER_LOSS and not canaries.is_waiting(connection)

    def _looked_after(self, connection: Connection, canary: Flight, now: datetime) -> Flight:
        """Note that a canary has arrived, or is lost, each once."""
        arrived_at = canaries.accepted_at(connection, canary_id(canary.subject, canary.begun_at))
        if arrived_at is not None:
            return self._arrived(connection, replace(canary, arrived_at=arrived_at), now)
        if canary.lost_at is None and now - canary.begun_at > self._within:
            return self._lost(connection, replace(canary, lost_at=now), now)
        return canary

    def _arrived(self, connection: Connection, canary: Flight, now: datetime) -> Flight:
        assert canary.seconds is not None
        canaries.save_flight(connection, canary)
        self._metrics.canaries.arrived(max(0.0, canary.seconds), now)
        if canary.lost_at is not None:
            log.info("canary.back", begun=rfc3339(canary.begun_at), seconds=canary.seconds)
            audit.append(connection, Act(now, ActKind.CANARY_BACK, details={"begun_at": rfc3339(canary.begun_at)}))
        return canary

    def _lost(self, connection: Connection, canary: Flight, now: datetime) -> Flight:
        canaries.save_flight(connection, canary)
        self._metrics.canaries.lost()
        begun_at = rfc3339(canary.begun_at)
        hint = "a line does not become a message: `credwatch status` and `credwatch doctor` say what stands still"
        log.error("canary.lost", begun=begun_at, hint=hint)
        audit.append(connection, Act(now, ActKind.CANARY_LOST, details={"begun_at": begun_at}))
        if outbox.queue(connection, on_canary_lost(begun_at, self._facts(), now)):
            self._wake_outbox()
        return canary

    def _write(self, canary: Flight) -> None:
        """Write the line where the file, or the one that was put aside, does not have it."""
        document = {
            "schema": "credwatch-canary/1",
            "@timestamp": rfc3339(canary.begun_at),
            "user": {"name": canary.subject},
        }
        line = encode(document) + b"\n"
        aside = self._file.with_name(f"{self._file.name}.1")
        try:
            if any(line in file.read_bytes() for file in (self._file, aside) if file.exists()):
                return
            if self._file.exists() and self._file.stat().st_size > _MOST_BYTES:
                self._file.replace(aside)
            with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
                file.write(line)
        except OSError as error:  # it is tried again, and told as lost where it goes on
            log.warning("canary.not_written", file=str(self._file), error=error.strerror)


def _to_milliseconds(moment: datetime) -> datetime:
    """Leave out what a line does not tell of a moment."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
