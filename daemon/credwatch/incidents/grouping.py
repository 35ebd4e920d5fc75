"""Detections to incidents: one open incident per (kind, customer, subject), more evidence updates it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from credwatch.incidents.lifecycle import ENDS_BY_ITSELF, moved
from credwatch.kernel.detection import Detection
from credwatch.kernel.ids import stable_id
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, Status, Transition

GroupKey = tuple[str, str, str]
"""(kind, organization, subject)."""

_MOST_LISTED = 500
_MOST_LINES = 10


def key_of(detection: Detection) -> GroupKey:
    """Return the incident a detection belongs to; a detection without a subject is told apart by its group."""
    subject = detection.subject or ", ".join(value for _, value in detection.group if value)
    return detection.consequence.incident, detection.organization, subject


def grouped(detections: Iterable[Detection], open_incidents: Mapping[GroupKey, Incident]) -> tuple[IncidentChange, ...]:
    """Return what the detections change, in their order; those of rules in shadow or without incidents: nothing.

    `open_incidents` holds at least the open incidents of the detections' keys.
    """
    known = dict(open_incidents)
    changes = []
    for detection in detections:
        if not detection.is_consequential:
            continue
        key = key_of(detection)
        change = _joined(known[key], detection) if key in known else _opened(key, detection)
        known[key] = change.incident
        changes.append(change)
    return tuple(changes)


@dataclass(frozen=True, slots=True)
class Ending:
    """A detection whose episode has ended, and the incident it belongs to."""

    detection: str
    """The detection's id."""
    rule: str
    """Its rule's id."""
    last_at: datetime
    """The latest event that belongs to it, UTC."""
    incident: Incident
    """The incident as it is."""


def ended(endings: Iterable[Ending]) -> tuple[IncidentChange, ...]:
    """Close the incidents that end by themselves, once the detection that made them has ended."""
    changes = []
    for each in endings:
        incident = each.incident
        if incident.kind not in ENDS_BY_ITSELF or incident.status is Status.CLOSED:
            continue
        if incident.detections[-1] == each.detection:
            closed = moved(incident, Status.CLOSED, at=each.last_at, by=each.rule, why="the act is over")
            changes.append(IncidentChange(ChangeKind.CLOSED, closed))
    return tuple(changes)


def _opened(key: GroupKey, detection: Detection) -> IncidentChange:
    kind, organization, subject = key
    incident = Incident(
        number=_number(key, detection),
        kind=kind,
        organization=organization,
        subject=subject,
        level=detection.level,
        status=Status.NEW,
        title=detection.title,
        clause=detection.consequence.clause,
        occurred_first=detection.occurred_first,
        occurred_last=detection.opened_at,
        detected_at=detection.opened_at,
        detections=(detection.id,),
        rules=(detection.rule_id,),
        workflows=detection.consequence.workflows,
        accounts=_bounded(detection.accounts),
        addresses=_bounded(detection.addresses),
        organizations=_bounded(detection.organizations),
        lines=detection.lines[:_MOST_LINES],
        details=detection.details,
        transitions=(Transition(detection.opened_at, Status.NEW, detection.rule_id, detection.title),),
        updated_by=detection.id,
    )
    return IncidentChange(ChangeKind.OPENED, incident, started=incident.workflows)


def _joined(incident: Incident, detection: Detection) -> IncidentChange:
    started = tuple(name for name in detection.consequence.workflows if name not in incident.workflows)
    joined = replace(
        incident,
        level=max(incident.level, detection.level),
        title=detection.title if detection.level > incident.level else incident.title,
        occurred_first=min(incident.occurred_first, detection.occurred_first),
        occurred_last=max(incident.occurred_last, detection.opened_at),
        detections=_bounded_last(incident.detections, detection.id),
        rules=incident.rules if detection.rule_id in incident.rules else (*incident.rules, detection.rule_id),
        workflows=(*incident.workflows, *started),
        accounts=_with(incident.accounts, detection.accounts),
        addresses=_with(incident.addresses, detection.addresses),
        organizations=_with(incident.organizations, detection.organizations),
        lines=tuple(dict.fromkeys((*incident.lines, *detection.lines)))[:_MOST_LINES],
        details=detection.details or incident.details,
        updated_by=detection.id,
    )
    return IncidentChange(ChangeKind.UPDATED, joined, started=started)


def _number(key: GroupKey, detection: Detection) -> str:
    identity = stable_id("CW", *key, detection.opened_at.isoformat(), length=8)
    return f"CW-{detection.opened_at:%Y}-{identity.removeprefix('CW-').upper()}"


def _with(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Add words to sorted ones; mostly there is none that is new."""
    return known if all(word in known for word in more) else _bounded({*known, *more})


def _bounded(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(words)[:_MOST_LISTED])


def _bounded_last(earlier: tuple[str, ...], latest: str) -> tuple[str, ...]:
    return (*earlier, latest)[-_MOST_LISTED:]
