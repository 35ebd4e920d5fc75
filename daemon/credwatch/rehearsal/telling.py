"""Makes of what the rehearsal's store holds a timeline, the standing of the clocks, and a list of what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from credwatch.app.forms import forms_of
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import LEGAL_REPORT, LegalClock
from credwatch.kernel.incident import Incident
from credwatch.rehearsal.outcome import (
    ClockState,
    PlayedClock,
    PlayedDocument,
    PlayedLetter,
    Step,
    TimelineEntry,
)
from credwatch.rehearsal.scenarios import Scenario
from credwatch.store.commands import StoredCommand
from credwatch.workflows.clocks import UPDATES


def played_clock(clock: LegalClock, now: datetime) -> PlayedClock:
    """Tell how a clock stands at the end."""
    return PlayedClock(clock.regime, clock.phase, _state(clock, now), clock.started_at, clock.due_at, clock.met_at)


def _state(clock: LegalClock, now: datetime) -> ClockState:
    if (clock.met_at or now) > clock.due_at:
        return ClockState.MISSED
    if clock.met_at is not None:
        return ClockState.MET
    is_written = clock.workflow != LEGAL_REPORT or forms_of(clock.regime, clock.phase)
    return ClockState.OPEN if is_written and clock.workflow not in UPDATES.values() else ClockState.PERSON


def timeline(
    scenario: Scenario, cases: Iterable[Mapping[str, Any]], messages: Sequence[StoredCommand]
) -> tuple[tuple[TimelineEntry, ...], float | None]:
    """Put what happened in order, and tell the seconds from the line being read to the last acceptance."""
    cases = tuple(cases)
    entries = [entry for case in cases for entry in _of_case(case)]
    read_at = min((at for case in cases for at in _read(case)), default=None)
    entries += [TimelineEntry(read_at, Step.READ, scenario.title)] if read_at else []
    entries += [entry for stored in messages for entry in _of_letter(stored)]
    order = list(Step)
    entries.sort(key=lambda entry: (entry.at, order.index(entry.step)))
    last = max((entry.at for entry in entries if entry.step is Step.ACCEPTED), default=None)
    seconds = (last - read_at).total_seconds() if last is not None and read_at is not None else None
    return tuple(entries), seconds


def _read(case: Mapping[str, Any]) -> list[datetime]:
    """Tell when the lines behind each detection were read."""
    return [datetime.fromisoformat(row["recorded_at"]) for row in case["found"] if row["recorded_at"]]


def _of_case(case: Mapping[str, Any]) -> Iterator[TimelineEntry]:
    for finding in case["found"]:
        at = finding["detected_at"] or finding["opened_at"]
        yield TimelineEntry(datetime.fromisoformat(at), Step.DETECTED, finding["title"])
    yield TimelineEntry(datetime.fromisoformat(str(case["detected_at"])), Step.CASE, f"{case['number']} {case['kind']}")


def _of_letter(stored: StoredCommand) -> Iterator[TimelineEntry]:
    command = stored.command
    words = f"{command.workflow} for {command.recipient}"
    yield TimelineEntry(command.created_at, Step.QUEUED, words)
    if stored.state == "delivered" and stored.settled_at is not None:
        yield TimelineEntry(stored.settled_at, Step.ACCEPTED, words)


def troubles(
    scenario: Scenario,
    incidents: Sequence[Incident],
    clocks: Iterable[PlayedClock],
    documents: Iterable[PlayedDocument],
    letters: Sequence[PlayedLetter],
    address: str,
) -> tuple[str, ...]:
    """Say all that is wrong, the earliest in the flow first; empty where the rehearsal went well."""
    wrong = [] if incidents else [f"no incident of the kind {scenario.incident} came of the lines"]
    if incidents and not letters:
        wrong.append("the incident is told to nobody")
    if letters and not address:
        wrong.append("nothing was sent: name an address with --to, or in [rehearsal] address")
    wrong += [
        f"{letter.workflow} for {letter.addressee} was not accepted: {letter.reason or 'no answer in time'}"
        for letter in letters
        if letter.state not in ("delivered", "unsent")
    ]
    wrong += [
        f"the clock {clock.regime}/{clock.phase}, due {rfc3339(clock.due_at)}, was not met"
        for clock in clocks
        if clock.state in (ClockState.OPEN, ClockState.MISSED)
    ]
    wrong += [
        f"{document.form} ({document.regime}) lacks: {', '.join(document.missing)}"
        for document in documents
        if document.missing
    ]
    return tuple(wrong)
