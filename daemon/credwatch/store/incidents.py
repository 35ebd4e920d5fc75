"""Tables of detections and incidents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from credwatch.detect.found import Serving
from credwatch.kernel.detection import Detection, DetectionUpdate
from credwatch.kernel.incident import Incident, Status
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros

_DETECTION = TypeAdapter(Detection)
_INCIDENT = TypeAdapter(Incident)
_AT_ONCE = 500

detections = Table(
    "detections",
    metadata,
    Column("id", String, primary_key=True),
    Column("rule_id", String, nullable=False),
    Column("incident", String, nullable=False),  # number of its incident; empty where it has none
    Column("group_key", Integer, nullable=False),
    Column("opened", Integer, nullable=False),  # microseconds since the epoch, UTC, like every moment here
    Column("sequence", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("document", Text, nullable=False),  # the Detection as it opened, JSON
    Index("detections_open", "closed", "last"),
    Index("detections_incident", "incident"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("number", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("organization", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("status", String, nullable=False),
    Column("level", Integer, nullable=False),
    Column("detected", Integer, nullable=False),
    Column("document", Text, nullable=False),  # the Incident, JSON
    Index("incidents_open", "subject", "status"),
)


def add_detections(connection: Connection, found: Sequence[tuple[Detection, str]]) -> None:
    """Store opened detections, each with the number of its incident (empty for none); known ids are left alone."""
    rows = [
        {
            "id": detection.id,
            "rule_id": detection.rule_id,
            "incident": incident,
            "group_key": detection.group_key,
            "opened": to_micros(detection.opened_at),
            "sequence": detection.sequence,
            "last": to_micros(detection.opened_at),
            "count": detection.count,
            "closed": False,
            "document": _DETECTION.dump_json(detection).decode(),
        }
        for detection, incident in found
    ]
    if rows:
        connection.execute(insert(detections).on_conflict_do_nothing(), rows)


def add_serving(connection: Connection, episodes: Iterable[Serving]) -> None:
    """Store episodes that give no detection; known ids are left alone."""
    rows = [
        (each.id, each.rule_id, each.group_key, each.opened, each.sequence, each.last, each.count, "", False, "")
        for each in episodes
    ]
    if rows:
        columns = "id, rule_id, group_key, opened, sequence, last, count, incident, closed, document"
        connection.exec_driver_sql(
            f"INSERT OR IGNORE INTO detections ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            rows,
        )


def update_detections(connection: Connection, updates: Iterable[DetectionUpdate]) -> None:
    """Carry on or end stored detections."""
    rows = [(to_micros(each.last_at), each.count, each.closed, each.detection_id) for each in updates]
    if rows:
        # Thousands a second under attack: the driver's own executemany is several times faster here.
        connection.exec_driver_sql("UPDATE detections SET last = ?, count = ?, closed = ? WHERE id = ?", rows)


def episodes_kept(connection: Connection, *, since_us: int) -> list[tuple[str, str, int, int, int, int, int, bool]]:
    """Return open detections and those that ended after a moment, in the form `Engine.restore` takes."""
    table = detections.c
    query = select(
        table.rule_id, table.id, table.group_key, table.opened, table.sequence, table.last, table.count, table.closed
    ).where((~table.closed) | (table.last >= since_us))
    return [tuple(row) for row in connection.execute(query)]


def detections_of(connection: Connection, number: str) -> list[tuple[Detection, int, datetime]]:
    """Return an incident's detections with their present count and latest event."""
    table = detections.c
    query = select(table.document, table.count, table.last).where(table.incident == number).order_by(table.opened)
    return [
        (_DETECTION.validate_json(document), count, from_micros(last))
        for document, count, last in connection.execute(query)
    ]


def save_incidents(connection: Connection, changed: Iterable[Incident]) -> None:
    """Store incidents as they are now."""
    latest = {incident.number: incident for incident in changed}
    rows = [
        {
            "number": incident.number,
            "kind": incident.kind,
            "organization": incident.organization,
            "subject": incident.subject,
            "status": incident.status.value,
            "level": int(incident.level),
            "detected": to_micros(incident.detected_at),
            "document": _INCIDENT.dump_json(incident).decode(),
        }
        for incident in latest.values()
    ]
    if rows:
        statement = insert(incidents)
        changes = {name: statement.excluded[name] for name in ("status", "level", "document")}
        connection.execute(statement.on_conflict_do_update(index_elements=["number"], set_=changes), rows)


def open_incidents(
    connection: Connection, keys: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], Incident]:
    """Return the open incidents of the given (kind, organization, subject) keys."""
    wanted = set(keys)
    subjects = sorted({subject for _, _, subject in wanted})
    found: dict[tuple[str, str, str], Incident] = {}
    table = incidents.c
    columns = (table.kind, table.organization, table.subject, table.document)
    for start in range(0, len(subjects), _AT_ONCE):
        some = subjects[start : start + _AT_ONCE]
        query = select(*columns).where(table.subject.in_(some), table.status != Status.CLOSED.value)
        for kind, organization, subject, document in connection.execute(query):
            if (kind, organization, subject) in wanted:
                found[kind, organization, subject] = _INCIDENT.validate_json(document)
    return found


def incidents_of(connection: Connection, detection_ids: Sequence[str], kinds: Iterable[str]) -> dict[str, Incident]:
    """Map detection ids to their incidents, for incidents of the given kinds."""
    found: dict[str, Incident] = {}
    for start in range(0, len(detection_ids), _AT_ONCE):
        query = (
            select(detections.c.id, incidents.c.document)
            .join(incidents, incidents.c.number == detections.c.incident)
            .where(detections.c.id.in_(detection_ids[start : start + _AT_ONCE]), incidents.c.kind.in_(list(kinds)))
        )
        found.update({row[0]: _INCIDENT.validate_json(row[1]) for row in connection.execute(query)})
    return found


def incident(connection: Connection, number: str) -> Incident | None:
    """Return one incident, None where the number is unknown."""
    document = connection.execute(select(incidents.c.document).where(incidents.c.number == number)).scalar()
    return None if document is None else _INCIDENT.validate_json(document)


def list_incidents(connection: Connection, *, only_open: bool = False) -> list[Incident]:
    """Return the incidents, the latest first."""
    query = select(incidents.c.document).order_by(incidents.c.detected.desc(), incidents.c.number)
    if only_open:
        query = query.where(incidents.c.status != Status.CLOSED.value)
    return [_INCIDENT.validate_json(document) for (document,) in connection.execute(query)]


def open_by_kind(connection: Connection) -> dict[str, int]:
    """Count the open incidents of each kind."""
    query = select(incidents.c.kind, func.count()).where(incidents.c.status != Status.CLOSED.value)
    return {kind: count for kind, count in connection.execute(query.group_by(incidents.c.kind))}
