"""What waits for a person: how much it is, and what becomes of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, distinct, func, select

from credwatch.kernel.command import CommandKind
from credwatch.kernel.secrecy import SECRECY
from credwatch.store.cases.legal_clocks import waive
from credwatch.store.commands import StoredCommand, commands, stored_command
from credwatch.store.moments import from_micros, to_micros
from credwatch.workflows.holding import Held

_NAMED = 10
_AT_ONCE = 500


def held_now(connection: Connection) -> Held:
    """Count what waits for a person to let it go; what an order holds back does not."""
    table = commands.c
    for_a_person = (table.state == "held") & (table.last_reason != SECRECY)
    of_each = select(table.workflow, func.count()).where(for_a_person).group_by(table.workflow)
    by_workflow = sorted((str(workflow), int(count)) for workflow, count in connection.execute(of_each))
    about, since = connection.execute(
        select(func.count(distinct(table.incident)), func.min(table.created_at)).where(for_a_person)
    ).one()
    oldest = (
        select(table.incident)
        .where(for_a_person)
        .group_by(table.incident)
        .order_by(func.min(table.created_at), table.incident)
        .limit(_NAMED)
    )
    return Held(
        messages=sum(count for _, count in by_workflow),
        since=None if since is None else from_micros(since),
        incidents=about,
        oldest=tuple(connection.execute(oldest).scalars()),
        by_workflow=tuple(by_workflow),
    )


def held_numbers(connection: Connection) -> list[str]:
    """Name the incidents of which messages wait for a person."""
    query = select(commands.c.incident).distinct().where(commands.c.state == "held")
    return list(connection.execute(query).scalars())


def held_messages(
    connection: Connection, *, ids: Sequence[str] = (), incidents: Sequence[str] = ()
) -> list[StoredCommand]:
    """List the held messages of these ids or incidents, or all where neither is given; oldest first."""
    table = commands
    chosen = table.c.state == "held"
    if ids or incidents:
        chosen &= table.c.id.in_(ids) | table.c.incident.in_(incidents)
    rows = connection.execute(select(table).where(chosen).order_by(table.c.created_at, table.c.id))
    return [stored_command(row._mapping) for row in rows]


def let_go(connection: Connection, ids: Collection[str], now: datetime) -> None:
    """Queue held messages as they are, due now."""
    _settle(connection, ids, state="queued", created_at=to_micros(now), since=to_micros(now), next_at=to_micros(now))


def drop(connection: Connection, messages: Sequence[StoredCommand], *, why: str, now: datetime) -> None:
    """Say that held messages shall never be sent, and why, and end the clocks of duties of which nothing waits.

    They stay in the store.
    """
    _settle(connection, [stored.command.id for stored in messages], state="dropped", settled_at=to_micros(now), why=why)
    duties = {
        (message.command.workflow, message.command.incident, message.command.organization) for message in messages
    }
    for workflow, incident, organization in sorted(duties):
        table = commands.c
        same = (table.workflow == workflow, table.incident == incident, table.organization == organization)
        left = select(func.count()).select_from(commands).where(*same, table.state != "dropped")
        if not connection.execute(left).scalar_one():
            waive(connection, workflow, incident, organization, now)


def withhold(connection: Connection, incident: str) -> int:
    """Hold back what would tell a customer of an incident and has not left; return how many messages that is."""
    table = commands.c
    about = (table.incident == incident) & (table.kind == CommandKind.NOTIFY.value)
    waiting = about & table.state.in_(("queued", "held"))
    return connection.execute(commands.update().where(waiting).values(state="held", last_reason=SECRECY)).rowcount


def no_longer_secret(connection: Connection, incident: str, reason: str) -> list[str]:
    """Have what an order held back of an incident wait for another reason, or none; return the ids."""
    withheld = (commands.c.incident == incident) & (commands.c.state == "held") & (commands.c.last_reason == SECRECY)
    ids = list(connection.execute(select(commands.c.id).where(withheld).order_by(commands.c.id)).scalars())
    connection.execute(commands.update().where(withheld).values(last_reason=reason))
    return ids


def _settle(connection: Connection, ids: Collection[str], *, why: str = "", **values: object) -> None:
    some = sorted(ids)
    for start in range(0, len(some), _AT_ONCE):
        chosen = commands.c.id.in_(some[start : start + _AT_ONCE]) & (commands.c.state == "held")
        chosen &= commands.c.last_reason != SECRECY  # nobody sends or drops what an order holds back
        connection.execute(commands.update().where(chosen).values(last_reason=why, **values))
