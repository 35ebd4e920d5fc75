"""What customers change of their notice addresses and telephone numbers; each change waits, and may be called off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, Connection, Index, Table, Text, select

from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros

contact_changes = Table(
    "contact_changes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Number, nullable=False),
    Column("due_at", Number, nullable=False),
    Column("state", Text, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("ended_at", Number),
    Index("contact_changes_customer", "customer", "asked_at"),
    Index("contact_changes_waiting", "state", "due_at"),
)


class ChangeOf(StrEnum):
    """What changes."""

    ADDED = "address_added"
    REMOVED = "address_removed"
    PHONE = "phone"


class ChangeState(StrEnum):
    """How it stands."""

    WAITING = "waiting"
    DONE = "done"
    CANCELLED = "cancelled"


class ContactChange(Struct, frozen=True):
    """One change."""

    id: str
    """Its number, such as CC-7KQ2M4AB."""
    customer: str
    """Whose addresses."""
    kind: ChangeOf
    """What changes."""
    value: str
    """The address, or the telephone number."""
    asked_by: str
    """The contact who asked for it."""
    asked_at: datetime
    """When, UTC."""
    due_at: datetime
    """When it holds, UTC."""
    state: ChangeState = ChangeState.WAITING
    """How it stands."""
    ended_by: str = ""
    """Who called it off."""


def add_change(connection: Connection, change: ContactChange) -> None:
    """Keep a change that waits."""
    row = {name: getattr(change, name) for name in ("id", "customer", "value", "asked_by", "ended_by")}
    row |= {"kind": change.kind.value, "state": change.state.value}
    moments = {"asked_at": to_micros(change.asked_at), "due_at": to_micros(change.due_at), "ended_at": None}
    connection.execute(contact_changes.insert(), row | moments)


def change_numbered(connection: Connection, change_id: str) -> ContactChange | None:
    """Return a change by its number."""
    row = connection.execute(select(contact_changes).where(contact_changes.c.id == change_id)).first()
    return None if row is None else _change(row)


def changes_of(connection: Connection, customer: str, limit: int = 100) -> list[ContactChange]:
    """Return a customer's changes, the latest first."""
    table = contact_changes.c
    query = select(contact_changes).where(table.customer == customer).order_by(table.asked_at.desc()).limit(limit)
    return [_change(row) for row in connection.execute(query)]


def changes_in(connection: Connection, state: ChangeState) -> list[ContactChange]:
    """Return every change in a state, in the order in which they hold."""
    table = contact_changes.c
    query = select(contact_changes).where(table.state == state.value).order_by(table.due_at, table.id)
    return [_change(row) for row in connection.execute(query)]


def end_change(connection: Connection, change_id: str, state: ChangeState, by: str, now: datetime) -> bool:
    """Have a waiting change hold, or call it off; False where it waits no more."""
    table = contact_changes.c
    waits = (table.id == change_id) & (table.state == ChangeState.WAITING.value)
    ended = contact_changes.update().where(waits).values(state=state.value, ended_by=by, ended_at=to_micros(now))
    return connection.execute(ended).rowcount == 1


def addresses_after(registered: Iterable[str], changes: Iterable[ContactChange]) -> tuple[str, ...]:
    """Return the notice addresses after the changes that hold; two stay at least, as the register asks."""
    addresses = {address.casefold(): address for address in registered}
    for change in sorted(changes, key=lambda change: (change.due_at, change.id)):
        if change.kind is ChangeOf.ADDED:
            addresses[change.value.casefold()] = change.value
        elif change.kind is ChangeOf.REMOVED and len(addresses) > _FEWEST:
            addresses.pop(change.value.casefold(), None)
    return tuple(addresses.values())


_FEWEST = 2


def _change(row: Any) -> ContactChange:
    return ContactChange(
        id=row.id,
        customer=row.customer,
        kind=ChangeOf(row.kind),
        value=row.value,
        asked_by=row.asked_by,
        asked_at=from_micros(row.asked_at),
        due_at=from_micros(row.due_at),
        state=ChangeState(row.state),
        ended_by=row.ended_by,
    )
