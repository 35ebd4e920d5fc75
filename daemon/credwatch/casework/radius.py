"""How far a case reaches, by the archive: what its addresses and accounts did, and what could not be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import polars as pl
from msgspec import Struct, field

from credwatch.app.archive import archive_folder
from credwatch.archive.form import TIME
from credwatch.archive.reading import Span
from credwatch.archive.search import ACCOUNTS, ADDRESS, Condition, Sought
from credwatch.casework.casebook import interval_of
from credwatch.casework.events import ArchiveBook
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.incident import Incident
from credwatch.store.cases import incidents
from credwatch.store.state import seeing

_AFTER = timedelta(days=1)
"""An intruder who was let in is looked for so long after the latest evidence."""
_NAMED = 100
"""So many of each are named; all are counted."""
_SESSION, _CUSTOMER, _ACTION, _OUTCOME = "credwatch.session.id", "organization.id", "event.action", "event.outcome"


class _Reach(Struct):
    """What was found so far; each event counts once."""

    events: int = 0
    first: datetime | None = None
    last: datetime | None = None
    reached: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    acts: Counter[str] = field(default_factory=Counter)

    def add(self, rows: pl.DataFrame) -> None:
        """Take up some events, which are in the order of time."""
        self.events += rows.height
        self.first = self.first or rows[TIME][0]
        self.last = max(self.last or rows[TIME][-1], rows[TIME][-1])
        is_success = pl.col(_OUTCOME) == "success"
        self.reached |= _accounts(rows.filter(is_success))
        self.tried |= _accounts(rows.filter(~is_success.fill_null(value=False)))
        self.addresses |= _values(rows, ADDRESS)
        self.customers |= _values(rows, _CUSTOMER)
        self.sessions |= _values(rows, _SESSION)
        self.acts.update(dict(rows[_ACTION].drop_nulls().value_counts().iter_rows()))


class RadiusBook(ArchiveBook):
    """Says how far cases reach; use it in a `with` block."""

    def radius(self, number: str) -> dict[str, Any] | None:
        """Return how far a case reaches as JSON values; None where nobody has this number. Raises ArchiveError."""
        with self._database.reading() as connection:
            incident = incidents.incident(connection, number)
            if incident is None:
                return None
            since, until = _span(incident)
            unseen = seeing.intervals_between(connection, since, until)
        reach = _Reach()
        for wanted in _questions(incident, Span(since, until)):
            for rows in self.all(wanted):
                reach.add(rows)
        return {
            "number": number,
            "since": rfc3339(since),
            "until": rfc3339(until),
            **_described(reach),
            "unseen": [interval_of(it) for it in unseen],
            "archive_begins": self._begins(),
            "time_zone": self.zone,
        }

    def _begins(self) -> str:
        """Say when the archive begins; empty where none of its days has a file."""
        first = min(archive_folder(self._settings).days(), default=None)
        return rfc3339(datetime.combine(first, time.min, UTC)) if first else ""


def _span(incident: Incident) -> tuple[datetime, datetime]:
    """Say from when to when a case is looked for: from the first event that any of its rules counted."""
    counted = (finding.since for finding in incident.findings if finding.since is not None)
    return min([incident.occurred_first, *counted]), incident.occurred_last + _AFTER


def _questions(incident: Incident, span: Span) -> list[Sought]:
    """Ask for what its addresses did, and for what else its accounts did, so that no event comes twice."""
    addresses, accounts = incident.addresses, incident.accounts
    asked = []
    if addresses:
        asked.append(Sought(span, (Condition((ADDRESS,), addresses),)))
    if accounts:
        asked.append(Sought(span, (Condition(ACCOUNTS, accounts),), but=(Condition((ADDRESS,), addresses),)))
    return asked


def _accounts(rows: pl.DataFrame) -> set[str]:
    """Name the accounts of events: those acted upon, else those that act."""
    return _values(rows.select(pl.coalesce("user.target.name", "user.name", "user.email").alias("who")), "who")


def _values(rows: pl.DataFrame, name: str) -> set[str]:
    return {*rows[name].drop_nulls().unique()}


def _described(reach: _Reach) -> dict[str, Any]:
    return {
        "events": reach.events,
        "first": rfc3339(reach.first) if reach.first else "",
        "last": rfc3339(reach.last) if reach.last else "",
        "accounts": _some(reach.reached),
        "accounts_only_tried": _some(reach.tried - reach.reached),
        "addresses": _some(reach.addresses),
        "customers": _some(reach.customers),
        "sessions": _some(reach.sessions),
        "acts": dict(reach.acts.most_common()),
    }


def _some(values: Iterable[str]) -> dict[str, Any]:
    """Count values, and name the first of them."""
    ordered = sorted(values)
    return {"count": len(ordered), "named": ordered[:_NAMED]}
