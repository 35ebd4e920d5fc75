"""What waits for a person: telling the operators of it, letting it go, and dropping it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.json import decode, encode
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.incidents.lifecycle import IllegalTransition, released
from credwatch.kernel.command import CommandKind
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange
from credwatch.kernel.secrecy import SECRECY
from credwatch.pipeline.acts import drop_act, release_act
from credwatch.pipeline.news import note_told
from credwatch.store import audit, outbox
from credwatch.store.cases import held, incidents, legal_clocks
from credwatch.store.cases.secrecy_orders import secret_incidents
from credwatch.store.commands import StoredCommand
from credwatch.store.state import progress
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Facts
from credwatch.workflows.holding import HeldLetter, on_held

_TOLD = "told_of_held"


def tell_of_held(connection: Connection, facts: Facts, now: datetime) -> int:
    """Tell the operators what waits for them, if they must hear of it now; return how many letters were queued."""
    stored = progress.value(connection, _TOLD)
    before = decode(stored, type=HeldLetter) if stored else None
    waiting = held.held_now(connection)
    letters, letter = on_held(waiting, before, facts, now)
    queued = outbox.queue(connection, letters)
    if letter is not None and (queued or waiting.incidents < letter.incidents):
        letter = replace(letter, incidents=waiting.incidents)
    if letter != before:
        progress.save_value(connection, _TOLD, encode(letter) if letter is not None else b"")
    return queued


def let_go(connection: Connection, incident: Incident, facts: Facts, now: datetime) -> list[str]:
    """Queue everything that was held of an incident which is held no longer; return the ids of the messages.

    Each says what is known now, and promises its update from now on.
    """
    waiting = {stored.command.id for stored in held.held_messages(connection, incidents=[incident.number])}
    reaction = react(IncidentChange(ChangeKind.UPDATED, incident), facts, now)
    outbox.queue(connection, reaction.commands)
    legal_clocks.save_clocks(connection, reaction.clocks)
    note_told(connection, incident, facts, now)
    # Of an incident with several acts, the workflows write about the latest alone: the others leave as they are.
    held.let_go(connection, waiting, now)
    return sorted(waiting)


def release_incident(
    connection: Connection, incident: Incident, facts: Facts, now: datetime, *, by: str, why: str
) -> list[str]:
    """Let a person's decision send what an incident holds back; return the ids. Raises IllegalTransition."""
    check_tellable(connection, incident.number)
    free = released(incident, at=now, by=by, why=why)
    incidents.save_incidents(connection, [free])
    waiting = held.held_messages(connection, incidents=[incident.number])
    audit.append(connection, release_act(waiting, now, by, why))
    ids = let_go(connection, free, facts, now)
    tell_of_held(connection, facts, now)
    return ids


def release_messages(connection: Connection, ids: Sequence[str], facts: Facts, now: datetime, by: str) -> list[str]:
    """Let single messages go, each as it would be written now; return those that were held."""
    waiting = held.held_messages(connection, ids=ids) if ids else []
    for stored in waiting:
        check_tellable(connection, stored.command.incident)
    audit.append(connection, *(release_act([stored], now, by) for stored in waiting))
    for number in sorted({stored.command.incident for stored in waiting}):
        _rewrite(connection, number, {stored.command.id for stored in waiting}, facts, now)
    held.let_go(connection, [stored.command.id for stored in waiting], now)
    for stored in waiting:
        command = stored.command
        legal_clocks.release_clocks(connection, command.workflow, command.incident, command.organization, now)
    tell_of_held(connection, facts, now)
    return [stored.command.id for stored in waiting]


def check_tellable(connection: Connection, number: str) -> None:
    """Raise IllegalTransition where an order forbids to tell of an incident."""
    if number in secret_incidents(connection):
        hint = f'`credwatch incidents lift {number} --why "…"` by two people ends that'
        raise IllegalTransition("an order forbids to tell of it", where=number, hint=hint)


def _rewrite(connection: Connection, number: str, ids: set[str], facts: Facts, now: datetime) -> None:
    """Write held messages again as they are when they need not wait, with the promise that they make."""
    incident = incidents.incident(connection, number)
    if incident is None:
        return
    reaction = react(IncidentChange(ChangeKind.UPDATED, replace(incident, released_at=now)), facts, now)
    leaving = [command for command in reaction.commands if command.id in ids]
    outbox.queue(connection, leaving)
    duties = {(command.incident, command.organization) for command in leaving}
    promises = [clock for clock in reaction.clocks if (clock.incident, clock.organization) in duties]
    legal_clocks.save_clocks(connection, promises)
    note_told(connection, incident, facts, now)


def drop_held(
    connection: Connection, number: str, facts: Facts, now: datetime, *, by: str, why: str, with_reports: bool
) -> list[StoredCommand]:
    """Drop what is held of an incident, with the reason; return what stays held.

    Reports that law or contract asks for go only where they are meant by name: closing a case is no decision on them.
    What an order forbids to tell is never dropped.
    """
    waiting = held.held_messages(connection, incidents=[number])
    rest = [
        stored
        for stored in waiting
        if stored.command.hold == SECRECY or (stored.command.kind is CommandKind.REPORT and not with_reports)
    ]
    gone = [stored for stored in waiting if stored not in rest]
    held.drop(connection, gone, why=why, now=now)
    if gone:
        audit.append(connection, drop_act(gone, now, by, why))
    tell_of_held(connection, facts, now)
    return rest
