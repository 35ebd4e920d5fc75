"""Which incidents a customer was told of."""

from __future__ import annotations

from sqlalchemy import Connection, select

from credwatch.kernel.command import CommandKind
from credwatch.store.cases.secrecy_orders import secret_incidents
from credwatch.store.commands import commands
from credwatch.store.joined import joined

SENT = ("queued", "sending", "refused", "delivered", "returned")
"""The states of what has left or will; what is held for a person was told to nobody."""


def told_incidents(connection: Connection, customer: str, limit: int) -> list[str]:
    """Return the numbers of the incidents that a customer was told of, by letters of their own or joint ones.

    Those told of last come first; of many letters the latest are looked at. What an order forbids to tell is left out.
    """
    theirs = (commands.c.organization == customer) & (commands.c.kind == CommandKind.NOTIFY.value)
    query = select(commands.c.id, commands.c.incident, commands.c.state).where(theirs)
    letters = connection.execute(query.order_by(commands.c.created_at.desc()).limit(_LETTERS)).all()
    numbers: dict[str, None] = {}
    for letter in letters:
        if letter.state not in SENT:
            continue
        for number in (letter.incident, *_jointly(connection, letter.id)):
            numbers.setdefault(number)
        if len(numbers) > limit:
            break
    secret = secret_incidents(connection)
    return [number for number in numbers if number and number not in secret][:limit]


_LETTERS = 5_000


def _jointly(connection: Connection, letter: str) -> list[str]:
    query = select(joined.c.incident).where(joined.c.told_by == letter, joined.c.told_by != "")
    return list(connection.execute(query).scalars())
