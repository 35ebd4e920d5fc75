"""Lists incidents, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.json import Decoder
from sqlalchemy import Connection, func, select

from credwatch.kernel.incident import Incident
from credwatch.store.cases.incidents import IS_OPEN, incidents
from credwatch.store.pages import FIRST, Page, paged
from credwatch.store.statements import listed

_INCIDENT = Decoder(Incident)

FOUND = (incidents.c.detected, incidents.c.occurred, incidents.c.number)
"""The order in which incidents are listed, backwards."""


def list_incidents(connection: Connection, *, only_open: bool = False, page: Page = FIRST) -> list[Incident]:
    """Return a page of the incidents, those found last first; of those found together, what happened last.

    Raises UnknownPlace where no incident has the number that the page begins behind.
    """
    query = select(incidents.c.document)
    if only_open:
        query = query.where(IS_OPEN)
    some = paged(connection, query, page, FOUND, latest_first=True)
    return [_INCIDENT.decode(document) for (document,) in connection.execute(some)]


def some_incidents(connection: Connection, numbers: Iterable[str], page: Page = FIRST) -> list[Incident]:
    """Return a page of the incidents with these numbers, those found last first; raises UnknownPlace."""
    query = select(incidents.c.document).where(incidents.c.number.in_(listed(connection, numbers)))
    some = paged(connection, query, page, FOUND, latest_first=True)
    return [_INCIDENT.decode(document) for document in connection.execute(some).scalars()]


def open_by_kind(connection: Connection) -> dict[str, int]:
    """Count the open incidents of each kind."""
    query = select(incidents.c.kind, func.count()).where(IS_OPEN)
    return {kind: count for kind, count in connection.execute(query.group_by(incidents.c.kind))}
