"""What came of a rehearsal: its timeline, clocks, letters and documents, and what is wrong with them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Step(StrEnum):
    """What happened at a moment of the timeline."""

    READ = "read"
    DETECTED = "detected"
    CASE = "case"
    QUEUED = "queued"
    ACCEPTED = "accepted"


class TimelineEntry(Struct, frozen=True):
    """One line of the timeline."""

    at: datetime
    """When, UTC."""
    step: Step
    """What."""
    words: str
    """About what."""


class ClockState(StrEnum):
    """How a legal clock stands at the end of a rehearsal."""

    MET = "met"
    """The mail server took its notices in time, or its report could have been handed over in time."""
    MISSED = "missed"
    """It was not met within its time."""
    OPEN = "open"
    """What meets it has not come about, such as a notice that was not sent."""
    PERSON = "person"
    """A person meets it, with a report that no shipped form writes, or an update at the end of the incident."""


class PlayedClock(Struct, frozen=True):
    """One legal clock."""

    regime: str
    """The id of the law or contract."""
    phase: str
    """Its phase."""
    state: ClockState
    """How it stands."""
    started_at: datetime
    """When it began to run, UTC."""
    due_at: datetime
    """When it runs out, UTC."""
    met_at: datetime | None
    """When it was met, UTC."""


class PlayedDocument(Struct, frozen=True):
    """One document of a law that applies."""

    form: str
    """The id of the form."""
    regime: str
    """The law that asks for it."""
    missing: tuple[str, ...]
    """The ids of the required questions that nothing answers."""


class PlayedLetter(Struct, frozen=True):
    """One letter."""

    workflow: str
    """What it is."""
    addressee: str
    """Who would get it, by the made-up address."""
    state: str
    """delivered, refused, queued; unsent where no address is set."""
    reason: str
    """What the mail server, or the template, said last."""


class RehearsalOutcome(Struct, frozen=True):
    """All that came of a rehearsal."""

    scenario: str
    """The id of the scenario."""
    began_at: datetime
    """When its lines were written, UTC."""
    address: str
    """Where letters were sent; empty for nowhere."""
    timeline: tuple[TimelineEntry, ...]
    """What happened, in order."""
    clocks: tuple[PlayedClock, ...]
    """The legal clocks that ran."""
    documents: tuple[PlayedDocument, ...]
    """The documents that the laws ask for."""
    letters: tuple[PlayedLetter, ...]
    """The letters."""
    troubles: tuple[str, ...]
    """What is wrong; empty where every clock was met and every document is complete."""
    seconds: float | None
    """From the line being read to the acceptance of the last letter; None where none was accepted."""
