"""The operators' view of incidents in the store, and the one change they make by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from msgspec import to_builtins

from credwatch.app import keys
from credwatch.app.build import build_knowledge
from credwatch.app.settings import Settings, load_settings
from credwatch.incidents.lifecycle import moved
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.detection import Detection
from credwatch.kernel.errors import StoreError
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, Status
from credwatch.store import incidents, legal_clocks, outbox
from credwatch.store.database import Database
from credwatch.workflows.decide import react


def open_store(path: Path) -> Database:
    """Open the store that a daemon has made; raises StoreError where there is none or it may not be used."""
    if os.access(path.parent, os.X_OK) and not path.is_file():
        raise StoreError("there is no store", where=str(path), hint="start the daemon once, or name its settings file")
    if not os.access(path, os.R_OK | os.W_OK):
        hint = "the store is its owner's: sudo -u credwatch credwatch …"
        raise StoreError("the store may not be used", where=str(path), hint=hint)
    return Database(path)


@contextmanager
def opened_outbox(config: Path, store: Path | None) -> Iterator[outbox.OutboxStore]:
    """Open the outbox of a settings file's store, or of the store named instead, and close it at the end.

    Raises ConfigurationError, ProblemsFound or StoreError.
    """
    database = open_store(store or load_settings(config).daemon.store)
    try:
        yield outbox.OutboxStore(database)
    finally:
        database.close()


def described(incident: Incident) -> dict[str, Any]:
    """Return an incident as JSON values, its level by name."""
    return {**to_builtins(incident), "level": incident.level.name.lower()}


class Casebook:
    """Reads and closes incidents in a store that a daemon may be using at the same time; use it in a `with` block."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = open_store(settings.daemon.store)

    def __enter__(self) -> Self:
        """Return the casebook itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the store back."""
        self._database.close()

    @classmethod
    def at(cls, config: Path) -> Casebook:
        """Open the casebook of a settings file; raises ConfigurationError, ProblemsFound or StoreError."""
        return cls(load_settings(config))

    def incidents(self, *, only_open: bool) -> list[Incident]:
        """Return incidents, the latest first."""
        with self._database.reading() as connection:
            return incidents.list_incidents(connection, only_open=only_open)

    def detections(self, number: str) -> list[tuple[Detection, int, datetime]]:
        """Return an incident's detections, each with its present count and latest event."""
        with self._database.reading() as connection:
            return incidents.detections_of(connection, number)

    def messages(self) -> list[outbox.StoredCommand]:
        """Return every message, delivered ones too, the oldest first."""
        return outbox.OutboxStore(self._database).listed(("queued", "sending", "refused", "delivered"))

    def case(self, number: str) -> dict[str, Any] | None:
        """Return one incident with its detections and messages as JSON values; None where it is unknown."""
        with self._database.reading() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
        messages = [stored for stored in self.messages() if stored.command.incident == number]
        case = described(incident)
        case["found"] = [
            {
                "id": each.id,
                "title": each.title,
                "opened_at": rfc3339(each.opened_at),
                "last": rfc3339(last),
                "count": count,
                "tags": list(each.tags),
            }
            for each, count, last in self.detections(number)
        ]
        case["messages"] = [
            {
                "id": stored.command.id,
                "workflow": stored.command.workflow,
                "recipient": stored.command.recipient,
                "state": stored.state,
                "last_reason": stored.last_reason,
            }
            for stored in messages
        ]
        return case

    def close(self, number: str, *, by: str, why: str, now: datetime) -> Incident | None:
        """Close an incident and queue the updates that its notices promised; None where it is unknown.

        Raises IllegalTransition where it is closed already or the reason is empty.
        """
        facts = build_knowledge(self._settings, notice_key=keys.notice_key(self._settings)).facts
        with self._database.writing() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            closed = moved(incident, Status.CLOSED, at=now, by=by, why=why)
            incidents.save_incidents(connection, [closed])
            reaction = react(IncidentChange(ChangeKind.CLOSED, closed), facts, now)
            outbox.queue(connection, reaction.commands)
            legal_clocks.save_clocks(connection, reaction.clocks)
        return closed
