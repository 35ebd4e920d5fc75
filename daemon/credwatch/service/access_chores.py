"""What is done by the clock about the access of staff: it ends, customers hear of it, and reviews are called for."""

from __future__ import annotations

from credwatch.casework.access_desk import AccessDesk
from credwatch.service.schedule import Every, Job
from credwatch.store.cases import access_requests
from credwatch.store.database import Database
from credwatch.telemetry.access_metrics import AccessMetrics

_TURN_SECONDS = 5


class AccessChores:
    """Looks after requests for access; the timetable's thread calls it alone."""

    def __init__(self, desk: AccessDesk, database: Database, metrics: AccessMetrics) -> None:
        self._desk = desk
        self._database = database
        self._metrics = metrics

    def jobs(self) -> list[Job]:
        """Name the job and its time."""
        return [Job("access", Every(_TURN_SECONDS), self.turn)]

    def turn(self) -> None:
        """Do what is due, and say how requests stand; raises StoreError."""
        self._desk.look_after()
        with self._database.reading() as connection:
            counts, unreviewed = access_requests.counts(connection), access_requests.unreviewed(connection)
        self._metrics.set_requests(counts, unreviewed)
