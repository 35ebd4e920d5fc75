"""The table of requests for access: what was asked, who agreed, and how often it was used.

A request is read and written in one transaction, which has the store alone: of two people who decide at once the
second one sees what the first one did. `changed` counts upwards over all requests, so that whoever holds acts against
granted access sees by one number that something is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder, Encoder
from sqlalchemy import Column, Connection, Index, Select, Table, Text, func, select

from credwatch.kernel.access import AccessRequest, AccessState, AccessUse
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.statements import many
from credwatch.world.access import review_due

_ENCODER = Encoder()
_REQUEST = Decoder(AccessRequest)

access_requests = Table(
    "access_requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_at", Number, nullable=False),
    Column("due", Number, nullable=False),  # when the daemon has to look at it next; 0 where it never has to
    Column("changed", Number, nullable=False),
    Column("unreviewed", Number, nullable=False),  # 1 while somebody must review an emergency
    Column("uses", Number, nullable=False),
    Column("first_used", Number),
    Column("last_used", Number),
    Column("document", Text, nullable=False),  # the AccessRequest, JSON
    Index("access_requests_customer", "customer", "asked_at"),
    Index("access_requests_changed", "changed", unique=True),
    Index("access_requests_due", "due"),
)


class StoredAccess(Struct, frozen=True):
    """A request, and how often it was used."""

    request: AccessRequest
    """The request."""
    use: AccessUse = AccessUse()
    """Its use."""


class ActsUnder(Struct, frozen=True):
    """Acts of one batch that an authorisation covers."""

    id: str
    """Its id."""
    count: int
    """How many."""
    first: datetime
    """When the first one was, UTC."""
    last: datetime
    """When the last one was, UTC."""


def add_request(connection: Connection, request: AccessRequest, due: datetime | None) -> None:
    """Keep a new request; `due` is when the daemon has to look at it."""
    row = {"id": request.id, "asked_at": to_micros(request.asked_at), "uses": 0}
    connection.execute(access_requests.insert(), row | _values(connection, request, due))


def save_request(connection: Connection, request: AccessRequest, due: datetime | None) -> None:
    """Keep a request as it is now, in the transaction that has read it."""
    update = access_requests.update().where(access_requests.c.id == request.id)
    connection.execute(update.values(**_values(connection, request, due)))


def _values(connection: Connection, request: AccessRequest, due: datetime | None) -> dict[str, Any]:
    return {
        "customer": request.customer,
        "state": request.state.value,
        "due": 0 if due is None else to_micros(due),
        "changed": revision(connection) + 1,
        "unreviewed": int(review_due(request) is not None),
        "document": _ENCODER.encode(request).decode(),
    }


def revision(connection: Connection) -> int:
    """Return a number that grows with each change of any request; 0 before the first."""
    return int(connection.execute(select(func.max(access_requests.c.changed))).scalar() or 0)


def access_request(connection: Connection, request_id: str) -> StoredAccess | None:
    """Return a request by its number, None where there is none."""
    rows = _read(connection, select(access_requests).where(access_requests.c.id == request_id))
    return rows[0] if rows else None


def requests_of(connection: Connection, customer: str, limit: int = 200) -> list[StoredAccess]:
    """Return a customer's requests, the latest first."""
    table = access_requests.c
    query = select(access_requests).where(table.customer == customer).order_by(table.asked_at.desc()).limit(limit)
    return _read(connection, query)


def latest_requests(
    connection: Connection, limit: int, states: Iterable[AccessState] = (), customers: Sequence[str] = ()
) -> list[StoredAccess]:
    """Return the latest requests, in some states or of some customers where any is named, the latest first."""
    query = select(access_requests)
    if customers:
        query = query.where(access_requests.c.customer.in_(customers))
    if names := [state.value for state in states]:
        query = query.where(access_requests.c.state.in_(names))
    return _read(connection, query.order_by(access_requests.c.asked_at.desc(), access_requests.c.id).limit(limit))


def requests_due(connection: Connection, now: datetime) -> list[StoredAccess]:
    """Return the requests that the daemon has to look at."""
    due = access_requests.c.due
    return _read(connection, select(access_requests).where(due > 0, due <= to_micros(now)).order_by(due))


def all_requests(connection: Connection) -> list[AccessRequest]:
    """Return every request, in the order of their numbers: what was granted once tells of acts of its time for good."""
    query = select(access_requests).order_by(access_requests.c.id)
    return [stored.request for stored in _read(connection, query)]


def note_uses(connection: Connection, acts: Iterable[ActsUnder]) -> None:
    """Add acts to the use of what covers them, in the transaction of their batch; registers keep no such count."""
    rows = [(it.count, *(to_micros(it.first),) * 2, *(to_micros(it.last),) * 2, it.id) for it in acts]
    many(
        connection,
        "UPDATE access_requests SET uses = uses + ?,"
        " first_used = CASE WHEN first_used <= ? THEN first_used ELSE ? END,"
        " last_used = CASE WHEN last_used >= ? THEN last_used ELSE ? END WHERE id = ?",
        rows,
    )


def unreviewed(connection: Connection) -> int:
    """Count the emergencies that somebody must review."""
    return int(connection.execute(select(func.sum(access_requests.c.unreviewed))).scalar() or 0)


def counts(connection: Connection) -> dict[AccessState, int]:
    """Count the requests by state."""
    query = select(access_requests.c.state, func.count()).group_by(access_requests.c.state)
    return {AccessState(state): count for state, count in connection.execute(query)}


def _read(connection: Connection, query: Select[Any]) -> list[StoredAccess]:
    return [
        StoredAccess(
            _REQUEST.decode(row.document), AccessUse(row.uses, _moment(row.first_used), _moment(row.last_used))
        )
        for row in connection.execute(query)
    ]


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
