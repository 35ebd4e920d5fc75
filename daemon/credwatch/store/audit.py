"""The audit trail: entries that are only ever added, in the transaction of what they tell of.

There is one log of the whole installation, and one for each customer with those of its entries that concern it. What
`ledger/tree.py` needs of them is kept as they grow (`store/audit_tree.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from sqlalchemy import DDL, Column, ColumnElement, Connection, Index, Table, Text, event, func, select, text

from credwatch.ledger.entry import MACHINE, Act, entries_of
from credwatch.store.audit_tree import keep_hashes
from credwatch.store.cases.secrecy_orders import unshared
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros
from credwatch.store.statements import POSTGRESQL, many

_AT_ONCE = 2_000

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("position", Number, primary_key=True, autoincrement=False),  # in the log of the installation, from 0
    Column("at", Number, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("customer", Text, nullable=False),  # empty where the entry is in no customer's log
    Column("place", Number, nullable=False),  # in the log of the customer, from 0; -1 where it is in none
    Column("entry", Text, nullable=False),  # the bytes that are hashed, UTF-8
    Index("audit_entries_actor", "actor", "position", sqlite_where=text("actor != 'credwatch'")),
    Index("audit_entries_incident", "incident", "position", sqlite_where=text("incident != ''")),
    Index("audit_entries_customer", "customer", "place", unique=True, sqlite_where=text("customer != ''")),
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("size", Number, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),  # signed
)
"""What was signed of the log of the installation, so that what was changed can be told from what was not."""

_REFUSAL = "the audit trail is only added to"
for _act in ("UPDATE", "DELETE"):
    _trigger = DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
        f"CREATE TRIGGER audit_stays_{_act.lower()} BEFORE {_act} ON audit_entries"
        f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )
    event.listen(audit_entries, "after_create", _trigger.execute_if(dialect="sqlite"))
audit_entries.info[POSTGRESQL] = (
    f"CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''{_REFUSAL}''; END'",
    "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_stays()",
)


class AuditRow(Struct, frozen=True):
    """One entry as the store has it."""

    position: int
    """Its place in the log of the installation."""
    customer: str
    """The id of the customer in whose log it is, too; empty where it is in none."""
    place: int
    """Its place there; -1 where it is in none."""
    entry: bytes
    """The bytes that are hashed."""


class Chosen(Struct, frozen=True):
    """Which entries are wanted; what is empty chooses nothing."""

    incident: str = ""
    """Of this incident."""
    customer: str = ""
    """In the log of this customer."""
    actor: str = ""
    """By this person; the daemon itself is none."""


def append(connection: Connection, *acts: Act) -> None:
    """Add acts to the trail, in this order, within the transaction of what they tell of.

    What is about an incident of which an order forbids to tell enters no customer's log.
    The transaction has the store alone, so that no two entries get one place, whoever writes beside the daemon.
    """
    if not acts:
        return
    first = position = size_of(connection)
    places: dict[str, int] = {}
    firsts: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    for act in unshared(connection, acts):
        for customer, entry in entries_of(act):
            place = -1
            if customer:
                if customer not in places:
                    places[customer] = firsts[customer] = size_of(connection, customer)
                place = places[customer]
                places[customer] += 1
            about = (act.kind.value, act.actor, act.incident, customer, place, entry.decode())
            rows.append((position, to_micros(act.at), *about))
            position += 1
    many(
        connection,
        "INSERT INTO audit_entries (position, at, kind, actor, incident, customer, place, entry)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    keep_hashes(connection, "", first, position)
    for customer, begin in firsts.items():
        keep_hashes(connection, customer, begin, places[customer])


def size_of(connection: Connection, customer: str = "") -> int:
    """Count the entries of a log."""
    table = audit_entries.c
    query = select(func.max(table.place)).where(_is_in(customer)) if customer else select(func.max(table.position))
    last = connection.execute(query).scalar()
    return 0 if last is None else int(last) + 1


def listed(connection: Connection, chosen: Chosen, limit: int, before: int | None = None) -> list[AuditRow]:
    """Return the latest entries that are wanted, the latest first; those before a position, where one is given."""
    table = audit_entries.c
    query = _wanted(chosen).order_by(table.position.desc()).limit(limit)
    if before is not None:
        query = query.where(table.position < before)
    return [_row(row) for row in connection.execute(query)]


def entry_at(connection: Connection, position: int) -> AuditRow | None:
    """Return one entry by its place in the log of the installation."""
    row = connection.execute(select(*_COLUMNS).where(audit_entries.c.position == position)).first()
    return None if row is None else _row(row)


def whole_log(connection: Connection, customer: str, size: int, first: int = 0) -> Iterator[bytes]:
    """Give the entries of a log from `first` to before `size`, one after the other, without holding them all."""
    table = audit_entries.c
    order = table.place if customer else table.position
    query = select(table.entry).where(order >= first, order < size).order_by(order)
    if customer:
        query = query.where(_is_in(customer))
    for part in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).scalars().partitions():
        yield from (entry.encode() for entry in part)


def customers_since(connection: Connection, position: int) -> list[tuple[str, int]]:
    """Name the customers whose logs have grown with the entries from a position on, each with its size now."""
    table = audit_entries.c
    query = select(table.customer, func.max(table.place)).where(table.position >= position, table.place >= 0)
    return [(customer, place + 1) for customer, place in connection.execute(query.group_by(table.customer))]


def keep_checkpoint(connection: Connection, size: int, note: str) -> None:
    """Keep what was signed at a size; what was signed of it before stays."""
    statement = "INSERT INTO audit_checkpoints (size, note) VALUES (?, ?) ON CONFLICT DO NOTHING"
    many(connection, statement, [(size, note)])


def latest_checkpoint(connection: Connection) -> tuple[int, str] | None:
    """Return how many entries the log had when it was signed last, and what was signed; None where nothing was."""
    table = audit_checkpoints.c
    row = connection.execute(select(table.size, table.note).order_by(table.size.desc()).limit(1)).first()
    return None if row is None else (row.size, row.note)


def was_signed(connection: Connection) -> bool:
    """Say whether anything was ever signed."""
    return connection.execute(select(audit_checkpoints.c.size).limit(1)).first() is not None


def checkpoints(connection: Connection, most: int) -> list[str]:
    """Return what was signed, the latest at most so many, the oldest first."""
    table = audit_checkpoints.c
    notes = connection.execute(select(table.note).order_by(table.size.desc()).limit(most)).scalars().all()
    return [*notes][::-1]


_NAMED = {
    "customer": text("customer != ''"),
    "incident": text("incident != ''"),
    "actor": text(f"actor != '{MACHINE}'"),
}
"""Written out, for so alone the indexes of these are used."""
_COLUMNS = tuple(audit_entries.c[name] for name in ("position", "customer", "place", "entry"))


def _wanted(chosen: Chosen) -> Any:
    query = select(*_COLUMNS)
    for name, condition in _NAMED.items():
        if value := getattr(chosen, name):
            query = query.where(audit_entries.c[name] == value, condition)
    return query


def _is_in(customer: str) -> ColumnElement[bool]:
    return (audit_entries.c.customer == customer) & _NAMED["customer"]


def _row(row: Any) -> AuditRow:
    return AuditRow(row.position, row.customer, row.place, row.entry.encode())
