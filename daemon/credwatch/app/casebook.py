"""The operators' view of incidents in the store, and the one change they make by hand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from credwatch.app import keys
from credwatch.app.build import build_knowledge
from credwatch.app.settings import Settings, load_settings
from credwatch.incidents.lifecycle import moved
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.errors import StoreError
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, Status
from credwatch.store import incidents, legal_clocks, outbox
from credwatch.store.database import Database
from credwatch.workflows.decide import react

STORE = "credwatch.sqlite"
"""The store's file name in the state directory."""

_INCIDENT = TypeAdapter(Incident)


def open_store(settings: Settings) -> Database:
    """Open the store that a daemon has made; raises StoreError where there is none."""
    path = settings.daemon.state_directory / STORE
    if not path.is_file():
        raise StoreError("there is no store", where=str(path), hint="start the daemon once, or name its settings file")
    return Database(path)


class Casebook:
    """Reads and closes incidents in a store that a daemon may be using at the same time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = open_store(settings)

    @classmethod
    def at(cls, config: Path) -> Casebook:
        """Open the casebook of a settings file; raises ConfigurationError, ProblemsFound or StoreError."""
        return cls(load_settings(config))

    def incidents(self, *, only_open: bool) -> list[Incident]:
        """Return incidents, the latest first."""
        with self._database.reading() as connection:
            return incidents.list_incidents(connection, only_open=only_open)

    def messages(self) -> list[outbox.StoredCommand]:
        """Return every message, delivered ones too, the oldest first."""
        return outbox.OutboxStore(self._database).listed(("queued", "sending", "refused", "delivered"))

    def case(self, number: str) -> dict[str, Any] | None:
        """Return one incident with its detections and messages as JSON values; None where it is unknown."""
        with self._database.reading() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            found = incidents.detections_of(connection, number)
        messages = [stored for stored in self.messages() if stored.command.incident == number]
        case: dict[str, Any] = _INCIDENT.dump_python(incident, mode="json")
        case["level"] = incident.level.name.lower()
        case["found"] = [
            {
                "id": each.id,
                "title": each.title,
                "opened_at": rfc3339(each.opened_at),
                "last": rfc3339(last),
                "count": count,
                "tags": list(each.tags),
            }
            for each, count, last in found
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
