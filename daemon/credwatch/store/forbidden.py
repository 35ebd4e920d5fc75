"""Stops what an order forbids to tell, right before its first byte would leave.

A message comes back to the queue in several ways: its attempt fails, a crash interrupts it, a person has it tried
again. An order may have begun meanwhile. All of these ways end at the beginning of an attempt, so it is asked there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from credwatch.kernel.command import CommandKind
from credwatch.kernel.secrecy import SECRECY
from credwatch.store import joined
from credwatch.store.cases.secrecy_orders import secret_incidents
from credwatch.store.commands import commands
from credwatch.store.moments import to_micros

REWRITTEN = "written anew without what an order forbids to tell"


def stopped(connection: Connection, command_id: str, now: datetime) -> bool:
    """Say whether an order forbids to send a message; if so, it waits.

    A joint letter is dropped instead, and all of its matters wait for another one.
    """
    secret = secret_incidents(connection)
    if not secret:
        return False
    query = select(commands.c.kind, commands.c.incident).where(commands.c.id == command_id)
    kind, incident = connection.execute(query).one()
    if kind != CommandKind.NOTIFY.value:
        return False
    matters = joined.told_in(connection, command_id)
    if not secret & (matters or {incident}):
        return False
    if matters:
        take_apart(connection, [command_id], now)
    else:
        held = commands.update().where(commands.c.id == command_id)
        connection.execute(held.values(state="held", last_reason=SECRECY))
    return True


def take_apart(connection: Connection, letters: Iterable[str], now: datetime) -> None:
    """Drop joint letters that have not left; their matters wait for others, of which the secret ones are kept out."""
    for letter in letters:
        gone = {"state": "dropped", "settled_at": to_micros(now), "last_reason": REWRITTEN}
        connection.execute(commands.update().where(commands.c.id == letter).values(gone))
        joined.tell_again(connection, letter, now)


def unsent_letters_about(connection: Connection, incident: str) -> list[str]:
    """Name the joint letters to customers that tell of an incident and have not left."""
    table = commands.c
    waits = table.state.in_(("queued", "held")) & (table.kind == CommandKind.NOTIFY.value)
    query = select(table.id).where(waits, table.id.in_(joined.letters_about(incident)))
    return list(connection.execute(query.order_by(table.id)).scalars())
