"""Tells what became known of incidents after their readers were told of them: with a batch, and by the clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from credwatch.kernel.command import Command
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange
from credwatch.store import outbox
from credwatch.store.cases import incidents
from credwatch.store.measures import of_incidents
from credwatch.store.state.tellings import save_tellings, tellings_of, waiting_incidents
from credwatch.workflows.facts import Facts
from credwatch.workflows.news import duties_of, first_knowledge, on_news


def tell_changes(connection: Connection, changes: Iterable[IncidentChange], facts: Facts, now: datetime) -> int:
    """Write what changes bring to readers who were told before; return how many letters were queued.

    A reader who was not is told by the notice, which says everything that is known at the end of the batch.
    """
    latest = {change.incident.number: change for change in changes}
    touched = [
        change.incident
        for change in latest.values()
        if change.kind is not ChangeKind.CLOSED and change.incident.workflows and not change.incident.is_held
    ]
    return _tell(connection, touched, facts, now)


def tell_waiting(connection: Connection, facts: Facts, now: datetime) -> int:
    """Write the news that had to wait and need not any longer; return how many letters were queued."""
    waiting = [incidents.incident(connection, number) for number in waiting_incidents(connection)]
    return _tell(connection, [incident for incident in waiting if incident is not None], facts, now)


def note_told(connection: Connection, incident: Incident, facts: Facts, now: datetime) -> None:
    """Note that an incident's readers are told now what is known of it, unless they were before."""
    tellings = tellings_of(connection, [incident.number])
    duties = [duty for duty in duties_of(incident, facts) if duty not in tellings]
    some = of_incidents(connection, [incident.number]).get(incident.number, ())
    save_tellings(connection, {duty: first_knowledge(duty, incident, facts, now, some) for duty in duties})


def _tell(connection: Connection, touched: list[Incident], facts: Facts, now: datetime) -> int:
    numbers = [incident.number for incident in touched]
    tellings, measures = tellings_of(connection, numbers), of_incidents(connection, numbers)
    commands: list[Command] = []
    changed = {}
    for incident in touched:
        some = measures.get(incident.number, ())
        for duty in duties_of(incident, facts):
            if (before := tellings.get(duty)) is None:
                changed[duty] = first_knowledge(duty, incident, facts, now, some)
                continue
            letters, after = on_news(duty, incident, before, facts, now, some)
            commands += letters
            if after != before:
                changed[duty] = after
    save_tellings(connection, changed)
    return outbox.queue(connection, commands)
