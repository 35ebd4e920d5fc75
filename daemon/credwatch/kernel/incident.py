"""An incident: what detections about one subject add up to, with a life cycle."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.detection import Level
from credwatch.kernel.moment import NotedMoment


class Status(StrEnum):
    """Where an incident stands (OCSF incident status, in small letters)."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"


class Resolution(StrEnum):
    """What came of an incident, as whoever closes it says."""

    CONFIRMED = "confirmed"
    """It was what it seemed to be."""
    FALSE_ALARM = "false-alarm"
    """It was not."""
    AUTHORISED = "authorised"
    """It was done by somebody who might."""
    DUPLICATE = "duplicate"
    """It belongs to another incident."""


class RuleFinding(Struct, frozen=True, omit_defaults=True):
    """What one rule found of an incident, the last time it fired."""

    rule: str
    """The rule's id."""
    version: str
    """The hash of the rule as it was then."""
    counted: int
    """How many events it counted; 0 where it counts none."""
    since: datetime | None
    """The first event that it counted; None where none was, or its moment is not known any more."""
    until: datetime
    """The event that completed it."""
    addresses: int = 0
    """From how many addresses these events came."""
    accounts: int = 0
    """How many accounts they touched."""


class Transition(Struct, frozen=True):
    """One change of an incident's status: who, when and why."""

    at: datetime
    """When, UTC."""
    status: Status
    """The status it took."""
    by: str
    """Who: a rule id, or an operator's name."""
    why: str
    """The reason given."""


class Incident(Struct, frozen=True):
    """One incident: at most one is open per (kind, organization, subject).

    All moments are aware, UTC. `occurred_*` is event time, which the log says; `recorded_*` and `detected_*` are by the
    daemon's own clock. Where lines are read as they are written, the three lie seconds apart; after a backlog, days.
    """

    number: str
    """Its public number, such as CW-2026-7KQ2M4; follows from kind, customer, subject and the opening event."""
    kind: str
    """What it is, from the rule's consequence."""
    organization: str
    """The customer it concerns; empty where none is known."""
    subject: str
    """Whom or what it is about: an account, an address."""
    level: Level
    """The highest level among its detections."""
    status: Status
    """Where it stands."""
    title: str
    """The title of the detection that opened it."""
    clause: str
    """The policy clause of the detection that opened it."""
    occurred_first: datetime
    """The first event that belongs to it."""
    occurred_last: datetime
    """The last event that belongs to it."""
    recorded_at: datetime
    """When the line that opened it was read."""
    detected_at: datetime
    """When the daemon concluded it: the first machine signal."""
    recorded_last: datetime
    """When its latest evidence was read."""
    detected_last: datetime
    """When the daemon concluded from its latest evidence."""
    detections: tuple[str, ...] = ()
    """The ids of its detections, in order."""
    rules: tuple[str, ...] = ()
    """The rules that fired, in order, each once."""
    workflows: tuple[str, ...] = ()
    """The workflows it has started, in order."""
    accounts: tuple[str, ...] = ()
    """The accounts touched, sorted."""
    addresses: tuple[str, ...] = ()
    """The addresses it came from, sorted."""
    organizations: tuple[str, ...] = ()
    """The customers touched, sorted."""
    lines: tuple[str, ...] = ()
    """Sample lines, secrets masked, at most ten."""
    kept: tuple[str, ...] = ()
    """What names each log line that is kept of it as evidence, at most a hundred."""
    events: int = 0
    """How many events its detections rest on, each detection's by themselves."""
    findings: tuple[RuleFinding, ...] = ()
    """What its rules found, each rule once, in the order in which they fired first."""
    details: tuple[tuple[str, str], ...] = ()
    """Facts a notice needs: action, actor, authorisation …"""
    transitions: tuple[Transition, ...] = ()
    """Its life so far."""
    updated_by: str = ""
    """The id of the detection or operator that changed it last."""
    history: bool = False
    """True while all that is known of it was read only long after it happened."""
    released_at: datetime | None = None
    """When its notices were let go, by a person or by live evidence; None where they never waited, or still do."""
    timed_by_log: bool = False
    """True where an earlier version opened it, which kept event time alone: `recorded_*` and `detected_*` are that."""

    moments: tuple[NotedMoment, ...] = ()
    """The moments that people recorded, in that order."""
    former: str = ""
    """The number of the closed incident about the same subject that it comes after; empty where there was none."""
    outcome: Resolution | None = None
    """What came of it; None where it is open, or whoever closed it did not say."""

    @property
    def is_held(self) -> bool:
        """Whether what it makes the daemon write waits for a person."""
        return self.history and self.released_at is None and bool(self.workflows)


class ChangeKind(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


class IncidentChange(Struct, frozen=True):
    """One change of an incident: what the workflows react to."""

    kind: ChangeKind
    """Opened, updated or closed."""
    incident: Incident
    """The incident after the change."""
    started: tuple[str, ...] = ()
    """The workflows that this change starts: those its new detection asks for and that had not begun."""
