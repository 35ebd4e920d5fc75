"""The life of an incident: which status may follow which, and what each change records."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.incident import Incident, Status, Transition

LEGAL: dict[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.IN_PROGRESS, Status.CLOSED}),
    Status.IN_PROGRESS: frozenset({Status.CLOSED}),
    Status.CLOSED: frozenset(),
}
"""The statuses that may follow each status."""

ENDS_BY_ITSELF = frozenset({"authorised_disclosure"})
"""Kinds that record an act rather than a problem: closed when the act is over, so that the next one is told anew."""


class IllegalTransition(CredwatchError):
    """The incident's status may not change so."""


def moved(incident: Incident, status: Status, *, at: datetime, by: str, why: str) -> Incident:
    """Return the incident in another status, with the change recorded; raises IllegalTransition."""
    if status not in LEGAL[incident.status]:
        raise IllegalTransition(
            f"an incident that is {incident.status} cannot become {status}",
            where=incident.number,
            hint="a closed incident stays closed; new evidence opens a new one",
        )
    if not why.strip():
        raise IllegalTransition("a reason is missing", where=incident.number, hint="say why in a few words")
    step = Transition(at=at, status=status, by=by, why=why)
    return replace(incident, status=status, transitions=(*incident.transitions, step), updated_by=by)
