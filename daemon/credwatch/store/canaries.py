"""What the store has of canaries: the one that is under way, and its message."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.json import decode, encode
from sqlalchemy import Connection, select

from credwatch.kernel.canary import CANARY, SUBJECTS
from credwatch.store.commands import WAITING, commands
from credwatch.store.moments import from_micros
from credwatch.store.receipts import receipts
from credwatch.store.state import progress

_KEY = "canary"
_AT_ONCE = 100


class Flight(Struct, frozen=True):
    """One canary, and what came of it so far."""

    number: int
    """How many were begun up to it."""
    begun_at: datetime
    """When its line was written, UTC."""
    arrived_at: datetime | None = None
    """When the mail server accepted its message, UTC; None until then."""
    lost_at: datetime | None = None
    """When it was told that it is overdue, UTC; None where it is not."""

    @property
    def subject(self) -> str:
        """The account that its line names."""
        return f"{CANARY}-{self.number % SUBJECTS}"

    @property
    def seconds(self) -> float | None:
        """How long it took from the line to the acceptance."""
        return (self.arrived_at - self.begun_at).total_seconds() if self.arrived_at else None


def flight(connection: Connection) -> Flight | None:
    """Return the latest canary; None where none was ever begun."""
    stored = progress.value(connection, _KEY)
    return decode(stored, type=Flight) if stored else None


def save_flight(connection: Connection, canary: Flight) -> None:
    """Keep how a canary stands, in place of what was kept."""
    progress.save_value(connection, _KEY, encode(canary))


def accepted_at(connection: Connection, command: str) -> datetime | None:
    """Tell when a message was accepted; None where it was not, or is not there."""
    row = connection.execute(select(commands.c.state, commands.c.settled_at).where(commands.c.id == command)).first()
    return from_micros(row.settled_at) if row is not None and row.state == "delivered" else None


def is_waiting(connection: Connection) -> bool:
    """Tell whether the message of any canary waits to leave."""
    waiting = (commands.c.workflow == CANARY) & commands.c.state.in_(WAITING) & (commands.c.state != "refused")
    return connection.execute(select(commands.c.id).where(waiting).limit(1)).first() is not None


def forget_settled(connection: Connection) -> None:
    """Delete the messages of canaries that have come to their end: one takes the place of the other."""
    settled = (commands.c.workflow == CANARY) & commands.c.state.in_(("delivered", "refused", "dropped"))
    oldest = select(commands.c.id).where(settled).order_by(commands.c.workflow, commands.c.created_at).limit(_AT_ONCE)
    ids = list(connection.execute(oldest).scalars())
    if not ids:
        return
    connection.execute(receipts.delete().where(receipts.c.command.in_(ids)))
    connection.execute(commands.delete().where(commands.c.id.in_(ids)))
