"""The life of an incident: which status may follow which, and what each change records."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.incident import Incident, Resolution, Status, Transition

LEGAL: dict[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.IN_PROGRESS, Status.CLOSED}),
    Status.IN_PROGRESS: frozenset({Status.CLOSED}),
    Status.CLOSED: frozenset({Status.IN_PROGRESS}),
}
"""The statuses that may follow each status."""

ENDS_BY_ITSELF = frozenset({"authorised_disclosure"})
"""Kinds that record an act rather than a problem: closed when the act is over, so that the next one is told anew."""


class IllegalTransition(CredwatchError):
    """The incident's status may not change so."""


def released(incident: Incident, *, at: datetime, by: str, why: str) -> Incident:
    """Return the incident with its notices let go, and the decision recorded; raises IllegalTransition."""
    if not incident.is_held:
        raise IllegalTransition("nothing of it is held", where=incident.number, hint="its notices have gone already")
    check_reason(incident, why)
    step = Transition(at=at, status=incident.status, by=by, why=f"released: {why}")
    return replace(incident, released_at=at, transitions=(*incident.transitions, step), updated_by=by)


def revived(incident: Incident, *, at: datetime, by: str) -> Incident:
    """Return an incident of history as one that is going on, by the rule whose evidence shows it."""
    step = Transition(at=at, status=incident.status, by=by, why="it goes on: no longer history")
    return replace(incident, history=False, released_at=at, transitions=(*incident.transitions, step))


def moved(
    incident: Incident, status: Status, *, at: datetime, by: str, why: str, outcome: Resolution | None = None
) -> Incident:
    """Return the incident in another status, with the change recorded; raises IllegalTransition."""
    if status not in LEGAL[incident.status]:
        raise IllegalTransition(
            f"an incident that is {incident.status} cannot become {status}",
            where=incident.number,
            hint=f"it is {incident.status} already; `credwatch incidents show {incident.number}` tells since when",
        )
    check_reason(incident, why)
    step = Transition(at=at, status=status, by=by, why=why)
    return replace(incident, status=status, transitions=(*incident.transitions, step), updated_by=by, outcome=outcome)


def touched_at(incident: Incident) -> datetime:
    """Tell when a person last changed the incident; when it was found, where nobody has.

    What a rule changes is no work: evidence that nobody looks at makes a case no less forgotten.
    """
    by_people = (step.at for step in incident.transitions if step.by not in incident.rules)
    return max((incident.detected_at, *by_people))


def check_reason(incident: Incident, why: str) -> None:
    """Raise IllegalTransition where no reason is given."""
    if not why.strip():
        raise IllegalTransition("a reason is missing", where=incident.number, hint="say why in a few words")
