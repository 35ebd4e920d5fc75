"""Which open incidents nobody has worked on for long."""

from __future__ import annotations

from datetime import datetime

from msgspec.json import Decoder
from sqlalchemy import Connection, func, select

from credwatch.kernel.incident import Incident
from credwatch.store.cases.incidents import IS_OPEN, incidents
from credwatch.store.moments import to_micros
from credwatch.store.pages import FIRST, Page, paged

_INCIDENT = Decoder(Incident)
_TOUCHED = (incidents.c.touched, incidents.c.number)


def forgotten(connection: Connection, before: datetime, page: Page = FIRST) -> list[Incident]:
    """Return a page of the open incidents that nobody has worked on since a moment, those untouched longest first.

    Raises UnknownPlace where no incident has the number that the page begins behind.
    """
    query = select(incidents.c.document).where(IS_OPEN, incidents.c.touched < to_micros(before))
    some = paged(connection, query, page, _TOUCHED, latest_first=False)
    return [_INCIDENT.decode(document) for document in connection.execute(some).scalars()]


def count_forgotten(connection: Connection, before: datetime) -> int:
    """Count the open incidents that nobody has worked on since a moment."""
    query = select(func.count()).select_from(incidents).where(IS_OPEN, incidents.c.touched < to_micros(before))
    return int(connection.execute(query).scalar_one())


def touch(connection: Connection, number: str, at: datetime) -> None:
    """Note that a person has worked on an incident."""
    is_earlier = (incidents.c.number == number) & (incidents.c.touched < to_micros(at))
    connection.execute(incidents.update().where(is_earlier).values(touched=to_micros(at)))
