"""Lists come in pages: each begins behind a row that the one before ended with, and reads no more than it shows."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, select, tuple_

from credwatch.kernel.errors import CredwatchError


class UnknownPlace(CredwatchError):
    """A page shall begin behind a row that is not there."""


class Page(Struct, frozen=True):
    """Which part of a list is meant."""

    limit: int | None = 1000
    """How many rows at most; None for all of a list that is known to be short."""
    after: str = ""
    """The key of the row that it begins behind; empty for the beginning of the list."""


FIRST = Page()
"""The beginning of a list, and a bounded part of it."""

WHOLE = Page(limit=None)
"""All of a list that is known to be short, such as that of open incidents."""


def paged(
    connection: Connection,
    query: Select[Any],
    page: Page,
    order: tuple[ColumnElement[Any], ...],
    *,
    latest_first: bool,
) -> Select[Any]:
    """Narrow a query to a page of the list in an order, whose last column is the key of the rows.

    Raises UnknownPlace where no row has the key that the page begins behind.
    """
    query = query.order_by(*(column.desc() if latest_first else column for column in order)).limit(page.limit)
    if not page.after:
        return query
    place = connection.execute(select(*order).where(order[-1] == page.after)).one_or_none()
    if place is None:
        raise UnknownPlace("nothing here has this number", where=page.after, hint="begin again without --after")
    return query.where(tuple_(*order) < tuple_(*place) if latest_first else tuple_(*order) > tuple_(*place))
