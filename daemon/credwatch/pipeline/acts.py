"""What the audit trail says of incidents and of messages that waited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange
from credwatch.ledger.entry import MACHINE, Act, ActKind
from credwatch.store.commands import StoredCommand
from credwatch.workflows.touched import customers_of

_KINDS = {
    ChangeKind.OPENED: ActKind.INCIDENT_OPENED,
    ChangeKind.UPDATED: ActKind.INCIDENT_WENT_ON,
    ChangeKind.CLOSED: ActKind.INCIDENT_CLOSED,
}


def incident_acts(changes: Iterable[IncidentChange], at: datetime) -> Iterator[Act]:
    """Say what a batch did to incidents; evidence that changes no duty is told of staff alone."""
    for change in changes:
        incident = change.incident
        by_staff = "disclosure_notice" in incident.workflows
        if change.kind is not ChangeKind.UPDATED or change.started or by_staff:
            yield incident_act(_KINDS[change.kind], incident, at)


def incident_act(kind: ActKind, incident: Incident, at: datetime, by: str = MACHINE, why: str = "") -> Act:
    """Say what became of an incident; whom it is about is for its customer alone, a person's reason for none."""
    customers = customers_of(incident)
    facts: dict[str, object] = {
        "incident_kind": incident.kind,
        "level": incident.level.name.lower(),
        "status": incident.status.value,
        "outcome": incident.outcome.value if incident.outcome else "",
        "workflows": list(incident.workflows),
        "rules": list(incident.rules),
        "events": incident.events,
    }
    about: dict[str, object] = {"subject": incident.subject, "facts": dict(incident.details)}
    is_alone = len(customers) <= 1
    unshared = ({} if is_alone else about) | ({"words": why} if why else {})
    details = facts | (about if is_alone else {})
    return Act(at, kind, by, incident.number, customers, details, unshared)


def release_act(waiting: Sequence[StoredCommand], at: datetime, by: str = MACHINE, why: str = "") -> Act:
    """Say that messages which waited may leave."""
    return _waited(ActKind.MESSAGES_RELEASED, waiting, at, by, why)


def drop_act(waiting: Sequence[StoredCommand], at: datetime, by: str, why: str) -> Act:
    """Say that messages which waited shall never leave."""
    return _waited(ActKind.MESSAGES_DROPPED, waiting, at, by, why)


def _waited(kind: ActKind, waiting: Sequence[StoredCommand], at: datetime, by: str, why: str) -> Act:
    ids: dict[str, object] = {"messages": [stored.command.id for stored in waiting]}
    numbers = {stored.command.incident for stored in waiting}
    number = numbers.pop() if len(numbers) == 1 else ""
    return Act(at, kind, by, number, unshared=ids | ({"words": why} if why else {}))
