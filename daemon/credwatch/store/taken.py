"""Has letters to customers say what was done about their incidents, for as long as nobody has read them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, select

from credwatch.kernel.command import Command
from credwatch.kernel.measure import Measure
from credwatch.store.commands import commands, row_of
from credwatch.store.measures import of_incidents
from credwatch.store.moments import to_micros
from credwatch.workflows.taken import TELLING, MeasureStage, taken

PATIENCE = timedelta(seconds=3)
"""So long a letter waits for the answer to what was ordered, to say that it is done."""
_JOINT = "customer_joint"

Measures = Mapping[str, Sequence[Measure]]
"""The measures of incidents, by number."""


def with_taken(connection: Connection, letters: Sequence[Command]) -> list[Command]:
    """Have letters to customers say what was done, or was ordered, until now."""
    numbers = {number for letter in letters for number in _numbers(letter)}
    measures = of_incidents(connection, numbers)
    return [_saying(letter, measures) for letter in letters] if measures else [*letters]


def row_in_time(letter: Command) -> dict[str, object]:
    """Write a letter as a row; it waits a moment where it would have to say that something was only ordered."""
    row = row_of(letter)
    return row | {"next_at": to_micros(letter.created_at + PATIENCE)} if _is_open(letter.payload.context) else row


def renew(connection: Connection, measure: Measure, now: datetime) -> None:
    """Have the letters about a measure that nobody can have read say how it stands now."""
    table = commands.c
    unread = (table.state == "queued") & (table.attempts == 0) & table.workflow.in_(TELLING)
    of_it = (table.incident == measure.incident) & (table.organization == measure.organization)
    rows = connection.execute(select(table.id, table.context, table.next_at).where(of_it, unread)).all()
    some = of_incidents(connection, [measure.incident]).get(measure.incident, ()) if rows else ()
    for row in rows:
        context = _with_measures(json.loads(row.context), some, measure.organization)
        next_at = row.next_at if _is_open(context) else min(row.next_at, to_micros(now))
        written = json.dumps(context, ensure_ascii=False, sort_keys=True)
        connection.execute(commands.update().where(table.id == row.id).values(context=written, next_at=next_at))


def _numbers(letter: Command) -> Iterable[str]:
    if letter.workflow == _JOINT:
        return (str(matter["number"]) for matter in _matters(letter))
    return (letter.incident,) if letter.workflow in TELLING else ()


def _matters(letter: Command) -> list[dict[str, Any]]:
    matters = letter.payload.context.get("matters", [])
    return [*matters] if isinstance(matters, list) else []


def _saying(letter: Command, measures: Measures) -> Command:
    context = letter.payload.context
    if letter.workflow == _JOINT:
        matters = [_with_measures(it, measures.get(it["number"], ()), letter.organization) for it in _matters(letter)]
        return replace(letter, payload=replace(letter.payload, context=context | {"matters": matters}))
    some = measures.get(letter.incident, ()) if letter.workflow in TELLING else ()
    context = _with_measures(context, some, letter.organization)
    return replace(letter, payload=replace(letter.payload, context=context)) if some else letter


def _with_measures(values: dict[str, Any], measures: Sequence[Measure], organization: str) -> dict[str, Any]:
    accounts = values.get("accounts", {}).get("first", ())
    entries = taken(measures, organization, {account: account for account in accounts})
    return values | {"taken": entries} if entries else values


def _is_open(context: dict[str, Any]) -> bool:
    return any(entry["stage"] == MeasureStage.ORDERED for entry in context.get("taken", ()))
