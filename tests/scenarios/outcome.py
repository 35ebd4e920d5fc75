"""What a run has come to: everything in the store but the moments at which this machine did it, and its chance."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select

from credwatch.kernel.incident import Incident
from credwatch.store import outbox
from credwatch.store.cases import incidents, legal_clocks
from credwatch.store.cases.case_list import list_incidents
from credwatch.store.database import Database
from credwatch.store.joined import joined
from credwatch.store.state import progress
from credwatch.workflows.message import JOINT
from credwatch.workflows.news import NEWS

_BY_THE_HOUR = {"digest", *JOINT.values(), *NEWS.values()}


class Told(NamedTuple):
    """What the store says of a detection."""

    id: str
    rule_id: str
    incident: str
    opened: int
    count: int
    closed: bool
    last: int


class Outcome(Struct, frozen=True):
    """A run's outcome; equal where nobody could tell two runs apart."""

    lines: int
    """How many lines were taken."""
    unparsed: Counter[Any]
    """Source, position, text and reason of the lines that nothing read."""
    detections: Counter[Told]
    """The detections."""
    incidents: list[Incident]
    """The incidents, by number."""
    notices: list[Any]
    """Id, workflow, incident, customer and recipient of each message, digests left out."""
    clocks: list[Any]
    """Workflow, incident and customer of each clock."""


def outcome_of(database: Database) -> Outcome:
    """Read the outcome from a store."""
    found, lasting = incidents.detections.c, incidents.episodes.c
    unread, tallies = progress.unparsed.c, progress.tallies.c
    clock = legal_clocks.legal_clocks.c
    detections = select(
        found.id, found.rule_id, found.incident, lasting.opened, lasting.count, lasting.closed, lasting.last
    ).join(incidents.episodes, lasting.serial == found.serial)
    with database.reading() as connection:
        return Outcome(
            lines=sum(connection.scalars(select(tallies.number).where(tallies.name == "lines"))),
            unparsed=Counter(
                map(tuple, connection.execute(select(unread.source, unread.position, unread.line, unread.reason)))
            ),
            detections=Counter(map(Told._make, connection.execute(detections))),
            incidents=[
                _timeless(incident)
                for incident in sorted(list_incidents(connection), key=lambda incident: incident.number)
            ],
            notices=_notices(database),
            clocks=sorted(map(tuple, connection.execute(select(clock.workflow, clock.incident, clock.organization)))),
        )


def _timeless(incident: Incident) -> Incident:
    """Leave out when and where this machine read, found and changed it: what is left follows from the lines."""
    transitions = tuple(replace(each, at=incident.occurred_first) for each in incident.transitions)
    moments = dict.fromkeys(("recorded_at", "detected_at", "recorded_last", "detected_last"), incident.occurred_first)
    # The names of kept lines follow from the paths of their logs, which differ between two sites.
    return replace(incident, transitions=transitions, kept=("",) * len(incident.kept), **moments)


def _notices(database: Database) -> list[Any]:
    """List each letter as if it had left by itself: which are told jointly follows from the hour, not from lines.

    News of a matter leaves at growing intervals while it goes on, so what is news follows from the hour, too.
    """
    listed = outbox.OutboxStore(database).listed(("queued", "sending", "refused", "delivered"))
    alone = [stored.command for stored in listed if stored.command.workflow not in _BY_THE_HOUR]
    letters = [(each.id, each.workflow, each.incident, each.organization, each.recipient) for each in alone]
    with database.reading() as connection:
        row = joined.c
        query = select(row.id, row.workflow, row.incident, row.organization, row.recipient)
        query = query.where(row.workflow.not_in(NEWS.values()))
        return sorted([*letters, *map(tuple, connection.execute(query))])


def told_jointly(database: Database) -> dict[str, str]:
    """Give the letters that a joint one tells, and its id; empty while it waits."""
    with database.reading() as connection:
        return dict(map(tuple, connection.execute(select(joined.c.id, joined.c.told_by))))


def news_of(database: Database) -> set[str]:
    """Give the ids of all news that was queued or joined."""
    listed = outbox.OutboxStore(database).listed(("queued", "sending", "refused", "delivered"))
    with database.reading() as connection:
        together = set(connection.scalars(select(joined.c.id).where(joined.c.workflow.in_(NEWS.values()))))
    return together | {stored.command.id for stored in listed if stored.command.workflow in NEWS.values()}
