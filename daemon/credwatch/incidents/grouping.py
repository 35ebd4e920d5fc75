"""Detections to incidents: one open incident per (kind, customer, subject), more evidence updates it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from credwatch.incidents.lifecycle import ENDS_BY_ITSELF, moved, revived
from credwatch.kernel.detection import CountedLine, Detection
from credwatch.kernel.ids import incident_number, stable_id
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, RuleFinding, Status, Transition
from credwatch.kernel.moment import Discovery

GroupKey = tuple[str, str, str]
"""(kind, organization, subject)."""

_MOST_LISTED = 500
_MOST_LINES = 10
_MOST_KEPT = 100
_MOST_FINDINGS = 20


def key_of(detection: Detection) -> GroupKey:
    """Return the incident a detection belongs to.

    A detection without a subject is told apart by its group, or by its accounts or addresses where the group has no
    value: a line of syslog may name no host.
    """
    values = [value for _, value in detection.group if value] or detection.accounts or detection.addresses
    subject = detection.subject or ", ".join(values)
    return detection.consequence.incident, detection.organization, subject


class Grouping(Struct, frozen=True):
    """What detections did to incidents."""

    changes: tuple[IncidentChange, ...]
    """What happened, in order: each detection that concerns a workflow by itself, others of a batch together."""
    numbers: tuple[str, ...]
    """The number of each detection's incident; empty for none."""
    evidence: tuple[tuple[CountedLine, ...], ...] = ()
    """The lines to be kept of each detection: those that are not kept of its incident yet."""


def grouped(
    detections: Iterable[Detection],
    open_incidents: Mapping[GroupKey, Incident],
    discovery: Discovery,
    former: Mapping[GroupKey, str] = MappingProxyType({}),
) -> Grouping:
    """Return what the detections change; those of rules in shadow or without incidents: nothing.

    `open_incidents` holds at least the open incidents of the detections' keys. Where an incident has workflows, each
    detection is a change of its own, for it may bring another customer or another act; elsewhere only the first is, and
    what the others have come to is told behind them all. `discovery` says when their lines were read and understood,
    `former` the number of the latest closed incident of a key.
    """
    by_key: dict[GroupKey, _Growing] = {}
    changes, numbers = [], []
    evidence: list[tuple[CountedLine, ...]] = []
    for detection in detections:
        if not detection.is_consequential:
            numbers.append("")
            evidence.append(())
            continue
        key = key_of(detection)
        growing = by_key.get(key)
        if growing is None and key in open_incidents:
            growing = by_key[key] = _Growing(open_incidents[key], discovery)
        if growing is None:
            change = _opened(key, detection, discovery, former.get(key, ""))
            by_key[key] = growing = _Growing(change.incident, discovery)
            evidence.append(growing.keep(detection))
            changes.append(replace(change, incident=growing.incident()))
        else:
            evidence.append(growing.keep(detection))
            started = growing.join(detection)
            if growing.workflows:
                changes.append(IncidentChange(ChangeKind.UPDATED, growing.incident(), started=started))
        numbers.append(growing.number)
    changes += [IncidentChange(ChangeKind.UPDATED, growth.incident()) for growth in by_key.values() if growth.is_untold]
    return Grouping(tuple(changes), tuple(numbers), tuple(evidence))


class Ending(Struct, frozen=True):
    """A detection whose episode has ended, and the incident it belongs to."""

    detection: str
    """The detection's id."""
    rule: str
    """Its rule's id."""
    incident: Incident
    """The incident as it is."""


def ended(endings: Iterable[Ending], discovery: Discovery) -> tuple[IncidentChange, ...]:
    """Close the incidents that end by themselves, once the detection that made them is found to have ended."""
    changes = []
    for ending in endings:
        incident = ending.incident
        if incident.kind not in ENDS_BY_ITSELF or incident.status is Status.CLOSED:
            continue
        if incident.detections[-1] == ending.detection:
            closed = moved(incident, Status.CLOSED, at=discovery.detected_at, by=ending.rule, why="the act is over")
            changes.append(IncidentChange(ChangeKind.CLOSED, closed))
    return tuple(changes)


def gone_on(going_on: Iterable[Incident], discovery: Discovery) -> tuple[IncidentChange, ...]:
    """Let incidents of history whose detections turn out to go on until now be history no longer."""
    at = discovery.detected_at
    return tuple(
        IncidentChange(ChangeKind.UPDATED, revived(incident, at=at, by=incident.rules[-1])) for incident in going_on
    )


def _opened(key: GroupKey, detection: Detection, discovery: Discovery, former: str) -> IncidentChange:
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
        recorded_at=discovery.recorded_at,
        detected_at=discovery.detected_at,
        recorded_last=discovery.recorded_at,
        detected_last=discovery.detected_at,
        detections=(detection.id,),
        rules=(detection.rule_id,),
        workflows=detection.consequence.workflows,
        accounts=_bounded(detection.accounts),
        addresses=_bounded(detection.addresses),
        organizations=_bounded(detection.organizations),
        lines=detection.lines[:_MOST_LINES],
        details=detection.details,
        transitions=(Transition(discovery.detected_at, Status.NEW, detection.rule_id, detection.title),),
        updated_by=detection.id,
        history=detection.history,
        former=former,
    )
    return IncidentChange(ChangeKind.OPENED, incident, started=incident.workflows)


class _Growing:
    """An incident that detections join, one after the other."""

    def __init__(self, incident: Incident, discovery: Discovery) -> None:
        self._before = incident
        self._discovery = discovery
        self.number = incident.number
        self.workflows = incident.workflows
        self.is_untold = False
        """Whether something has joined since the incident was looked at."""
        self._level, self._title = incident.level, incident.title
        self._first, self._last = incident.occurred_first, incident.occurred_last
        self._detections, self._rules = list(incident.detections), dict.fromkeys(incident.rules)
        self._accounts, self._addresses = set(incident.accounts), set(incident.addresses)
        self._organizations, self._lines = set(incident.organizations), dict.fromkeys(incident.lines)
        self._details = incident.details
        self._kept, self._events = dict.fromkeys(incident.kept), incident.events
        self._findings = {finding.rule: finding for finding in incident.findings}

    def keep(self, detection: Detection) -> tuple[CountedLine, ...]:
        """Note what a detection found; return the lines of it that are to be kept besides those that are."""
        self._events += detection.events_in_all
        if detection.rule_id in self._findings or len(self._findings) < _MOST_FINDINGS:
            self._findings[detection.rule_id] = _finding(detection)
        fresh = {_place(line): line for line in detection.evidence}
        fresh = {place: line for place, line in fresh.items() if place not in self._kept}
        additions = dict(islice(fresh.items(), max(0, _MOST_KEPT - len(self._kept))))
        self._kept.update(dict.fromkeys(additions))
        return tuple(additions.values())

    def join(self, detection: Detection) -> tuple[str, ...]:
        """Take a detection's evidence; return the workflows that it starts."""
        if detection.level > self._level:
            self._level, self._title = detection.level, detection.title
        self._first = min(self._first, detection.occurred_first)
        self._last = max(self._last, detection.opened_at)
        self._detections.append(detection.id)
        self._rules[detection.rule_id] = None
        self._accounts.update(detection.accounts)
        self._addresses.update(detection.addresses)
        self._organizations.update(detection.organizations)
        if len(self._lines) < _MOST_LINES:
            self._lines.update(dict.fromkeys(detection.lines))
        self._details = detection.details or self._details
        if self._before.history and not detection.history:
            self._before = revived(self._before, at=self._discovery.detected_at, by=detection.rule_id)
        started = tuple(name for name in detection.consequence.workflows if name not in self.workflows)
        self.workflows += started
        self.is_untold = True
        return started

    def incident(self) -> Incident:
        """Return the incident as it is now."""
        self.is_untold = False
        return replace(
            self._before,
            recorded_last=self._discovery.recorded_at,
            detected_last=self._discovery.detected_at,
            level=self._level,
            title=self._title,
            occurred_first=self._first,
            occurred_last=self._last,
            detections=tuple(self._detections[-_MOST_LISTED:]),
            rules=tuple(self._rules),
            workflows=self.workflows,
            accounts=_bounded(self._accounts),
            addresses=_bounded(self._addresses),
            organizations=_bounded(self._organizations),
            lines=tuple(self._lines)[:_MOST_LINES],
            kept=tuple(self._kept),
            events=self._events,
            findings=tuple(self._findings.values()),
            details=self._details,
            updated_by=self._detections[-1],
        )


def _finding(detection: Detection) -> RuleFinding:
    return RuleFinding(
        rule=detection.rule_id,
        version=detection.rule_version,
        counted=detection.counted,
        since=detection.counted_since,
        until=detection.opened_at,
        addresses=len(detection.addresses),
        accounts=len(detection.accounts),
    )


@lru_cache(maxsize=4096)
def _place(line: CountedLine) -> str:
    """Name a line; the rules that one attack meets count the same lines, one after the other."""
    return stable_id("line", line.source, line.file, str(line.position), line.text)


def _number(key: GroupKey, detection: Detection) -> str:
    return incident_number(*key, detection.opened_at.isoformat(), at=detection.opened_at)


def _bounded(words: Collection[str]) -> tuple[str, ...]:
    return tuple(words) if len(words) < 2 else tuple(sorted(words)[:_MOST_LISTED])
