"""An incident: what detections about one subject add up to, with a life cycle."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.detection import Level


class Status(StrEnum):
    """Where an incident stands (OCSF incident status, in small letters)."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"


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

    All moments are aware, UTC. `occurred_*` and `detected_at` are event time.
    """

    number: str
    """Its public number, such as CW-2026-7KQ2M4; follows from kind, organization, subject and `detected_at`."""
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
    detected_at: datetime
    """The event that opened it: the first machine signal."""
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
    details: tuple[tuple[str, str], ...] = ()
    """Facts a notice needs: action, actor, authorisation …"""
    transitions: tuple[Transition, ...] = ()
    """Its life so far."""
    updated_by: str = ""
    """The id of the detection or operator that changed it last."""


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
