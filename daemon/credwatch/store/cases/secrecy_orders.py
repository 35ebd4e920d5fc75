"""The table of orders that forbid to tell of an incident, and what they hold back: whatever would write to a customer.

What is queued, and what enters a customer's log, passes here. So no workflow, and no page that is added later, can tell
of such an incident by mistake. While no order runs that costs one look into an empty index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.json import Decoder, Encoder
from msgspec.structs import replace
from sqlalchemy import Column, Connection, Index, Table, Text, select, text

from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.secrecy import SECRECY, SecrecyOrder
from credwatch.ledger.entry import Act
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.statements import many

_ENCODER = Encoder()
_ORDER = Decoder(SecrecyOrder)
_RUNS = text("lifted = 0")  # written out, for so alone the index of these is used

secrecy_orders = Table(
    "secrecy_orders",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("lifted", Number, nullable=False),  # when it ended; 0 while it runs
    Column("review", Number, nullable=False),
    Column("reminded", Number, nullable=False),  # when the operators were last asked; 0 before
    Column("document", Text, nullable=False),  # the SecrecyOrder, JSON
    Index("secrecy_orders_running", "incident", sqlite_where=_RUNS),
)


def begin(connection: Connection, orders: Iterable[SecrecyOrder]) -> list[SecrecyOrder]:
    """Store orders, each once: one that is known stays as it is, lifted or not; return those that are new."""
    statement = (
        "INSERT INTO secrecy_orders (incident, reference, lifted, review, reminded, document)"
        " VALUES (?, ?, 0, ?, 0, ?) ON CONFLICT DO NOTHING"
    )
    return [order for order in orders if many(connection, statement, [_row(order)])]


def _row(order: SecrecyOrder) -> tuple[str, str, int, str]:
    return order.incident, order.reference, to_micros(order.review_at), _ENCODER.encode(order).decode()


def orders_of(connection: Connection, incident: str) -> list[SecrecyOrder]:
    """Return the orders about an incident, lifted ones too, in the order in which they began."""
    query = select(secrecy_orders.c.document).where(secrecy_orders.c.incident == incident)
    orders = map(_ORDER.decode, connection.execute(query).scalars())
    return sorted(orders, key=lambda order: (to_micros(order.began_at) if order.began_at else 0, order.reference))


def lift(connection: Connection, order: SecrecyOrder, by: Sequence[str], at: datetime) -> None:
    """Note that two people agreed that an order is over."""
    document = _ENCODER.encode(replace(order, lifted_at=at, lifted_by=tuple(by))).decode()
    row = (to_micros(at), document, order.incident, order.reference)
    many(connection, "UPDATE secrecy_orders SET lifted = ?, document = ? WHERE incident = ? AND reference = ?", [row])


def secret_incidents(connection: Connection) -> frozenset[str]:
    """Name the incidents that an order forbids to tell of."""
    return frozenset(connection.execute(select(secrecy_orders.c.incident).where(_RUNS)).scalars())


def is_running(connection: Connection, reference: str) -> bool:
    """Say whether an order of this number runs, about any incident."""
    running = connection.execute(select(secrecy_orders.c.reference).where(_RUNS)).scalars()
    return reference in set(running)


def due_for_review(connection: Connection, now: datetime, again: timedelta) -> list[SecrecyOrder]:
    """Return the orders that the operators must be asked about, and that nobody asked about within `again`."""
    table = secrecy_orders.c
    query = select(table.document, table.reminded).where(_RUNS, table.review <= to_micros(now))
    rows = connection.execute(query.order_by(table.incident, table.reference)).all()
    return [_ORDER.decode(row.document) for row in rows if abs(now - from_micros(row.reminded)) >= again]


def note_reminded(connection: Connection, orders: Iterable[SecrecyOrder], now: datetime) -> None:
    """Note that the operators were asked."""
    rows = [(to_micros(now), order.incident, order.reference) for order in orders]
    many(connection, "UPDATE secrecy_orders SET reminded = ? WHERE incident = ? AND reference = ?", rows)


def withheld(connection: Connection, commands: Sequence[Command]) -> list[Command]:
    """Return commands, those held that would tell a customer of an incident of which an order forbids to tell."""
    secret = secret_incidents(connection)
    return [
        replace(command, hold=SECRECY) if command.kind is CommandKind.NOTIFY and command.incident in secret else command
        for command in commands
    ]


def unshared(connection: Connection, acts: Sequence[Act]) -> Sequence[Act]:
    """Return acts, those kept out of every customer's log that are about an incident of which nobody may tell."""
    secret = secret_incidents(connection)
    if not secret:
        return acts
    return [
        replace(act, customers=(), unshared=act.unshared | {"customers": list(act.customers)})
        if act.incident in secret and act.customers
        else act
        for act in acts
    ]
