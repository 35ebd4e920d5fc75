"""Tables of detections and incidents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec.json import Decoder, Encoder, encode
from msgspec.structs import replace
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    String,
    Table,
    Text,
    func,
    select,
    text,
    union_all,
)

from credwatch.detect.episodes.conclusions import Episodic
from credwatch.detect.episodes.episodes import STORED
from credwatch.detect.episodes.episodes import Table as EpisodeTable
from credwatch.incidents.lifecycle import touched_at
from credwatch.kernel.detection import Detection
from credwatch.kernel.incident import Incident
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.statements import is_postgresql, many

_DOCUMENT = Encoder()
_DETECTION = Decoder(Detection)
_INCIDENT = Decoder(Incident)
_AT_ONCE = 500
IS_OPEN = text("status != 'closed'")  # written out, for so alone the indexes of open incidents are used

episodes = Table(
    "episodes",
    metadata,
    Column("serial", Number, primary_key=True),
    Column("rule_id", String, nullable=False),
    Column("group_key", Number, nullable=False),  # hashes are kept as signed numbers
    Column("group", Number, nullable=False),
    Column("opened", Number, nullable=False),  # microseconds since the epoch, UTC, like every moment here
    Column("last", Number, nullable=False),
    Column("count", Number, nullable=False),
    Column("user", Number, nullable=False),
    Column("address", Number, nullable=False),
    Column("organization", Number, nullable=False),
    Column("closed", Boolean, nullable=False),
    # Of open episodes the latest row changes all the time: no index has it.
    Index("episodes_open", "serial", sqlite_where=text("closed = 0")),
    Index("episodes_ended", "last", sqlite_where=text("closed = 1")),
)

detections = Table(
    "detections",
    metadata,
    Column("serial", Number, primary_key=True),  # of its episode
    Column("id", String, nullable=False, unique=True),
    Column("rule_id", String, nullable=False),
    Column("incident", String, nullable=False),  # number of its incident; empty where it has none
    Column("opened", Number, nullable=False),  # event time
    Column("document", Text, nullable=False),  # the Detection as it opened, JSON
    Column("recorded", Number, nullable=False, server_default=text("0")),  # when its lines were read
    Column("detected", Number, nullable=False, server_default=text("0")),  # when the daemon concluded it
    Index("detections_incident", "incident"),
    Index("detections_found", "detected"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("number", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("organization", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("status", String, nullable=False),
    Column("level", Number, nullable=False),
    Column("detected", Number, nullable=False),  # when the daemon concluded it
    Column("document", Text, nullable=False),  # the Incident, JSON
    Column("occurred", Number, nullable=False, server_default=text("0")),  # event time of its latest event
    Column("recorded", Number, nullable=False, server_default=text("0")),  # when the line that opened it was read
    Column("held", Boolean, nullable=False, server_default=text("0")),  # whether its messages wait for a person
    Column("touched", Number, nullable=False, server_default=text("0")),  # when a person worked on it, or it was found
    # Closed incidents become many: what asks for the open ones meets those alone.
    # A subject may be longer than what a B-tree of PostgreSQL takes; a hash is not.
    Index("incidents_open", "subject", sqlite_where=text("status != 'closed'"), postgresql_using="hash"),
    Index("incidents_open_found", "detected", "occurred", "number", "kind", sqlite_where=text("status != 'closed'")),
    Index(
        "incidents_former",
        "subject",
        "kind",
        "organization",
        "detected",
        sqlite_where=text("status = 'closed'"),
        postgresql_using="hash",
    ),
    Index("incidents_found", "detected", "occurred", "number"),
    Index("incidents_held", "number", sqlite_where=text("held = 1")),
    Index("incidents_untouched", "touched", sqlite_where=text("status != 'closed'")),
)


def add_detections(
    connection: Connection, pairs: Iterable[tuple[Detection, str]], recorded_at: datetime, detected_at: datetime
) -> None:
    """Store opened detections, each with the number of its incident (empty for none); known ids are left alone.

    `recorded_at` is when their lines were read, `detected_at` when the daemon concluded them.
    """
    known_at = (to_micros(recorded_at), to_micros(detected_at))
    rows = [
        (
            detection.serial,
            detection.id,
            detection.rule_id,
            incident,
            to_micros(detection.opened_at),
            *known_at,
            _DOCUMENT.encode(
                replace(detection, recorded_at=recorded_at, detected_at=detected_at, evidence=())
            ).decode(),
        )
        for detection, incident in pairs
    ]
    many(
        connection,
        "INSERT INTO detections (serial, id, rule_id, incident, opened, recorded, detected, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        rows,
    )


def save_episodes(connection: Connection, changed: Iterable[Episodic]) -> None:
    """Store what became of episodes."""
    for episodic in changed:
        columns = [_plain(episodic.opened, name) for name in STORED]
        rule = [episodic.rule.id] * len(episodic.opened)
        many(
            connection,
            'INSERT INTO episodes (rule_id, serial, group_key, "group", opened, last, count, "user", address,'
            " organization, closed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            list(zip(rule, *columns, strict=True)),
        )
        gone = episodic.withdrawn
        now = [_plain(episodic.changed, name) for name in ("opened", "last", "count", "closed", "serial")]
        many(
            connection,
            "UPDATE episodes SET opened = ?, last = ?, count = ?, closed = ? WHERE serial = ?",
            list(zip(*now, strict=True)),
        )
        many(
            connection,
            "UPDATE episodes SET count = 0, closed = TRUE WHERE serial = ?",
            [(serial,) for serial in gone["serial"].tolist()],
        )


def episodes_kept(connection: Connection, *, since_us: int) -> list[tuple[str, tuple[int, ...]]]:
    """Return open episodes and those that ended after a moment, in the form `Engine.restore` takes."""
    kept = episodes.c
    columns = (kept.serial, kept.group_key, kept.group, kept.opened, kept.last, kept.count, kept.user, kept.address)
    counted = select(kept.rule_id, *columns, kept.organization, kept.closed).where(kept.count > 0)
    query = union_all(counted.where(~kept.closed), counted.where(kept.closed, kept.last >= since_us))
    return [(row[0], tuple(row[1:])) for row in connection.execute(query)]


def next_serial(connection: Connection) -> int:
    """Return the first number that no episode has."""
    return int(connection.execute(select(func.max(episodes.c.serial))).scalar() or 0) + 1


def detections_of(connection: Connection, number: str) -> list[tuple[Detection, int, datetime]]:
    """Return an incident's detections with their present count and latest event."""
    query = (
        select(detections.c.document, episodes.c.count, episodes.c.last)
        .join(episodes, episodes.c.serial == detections.c.serial)
        .where(detections.c.incident == number)
        .order_by(detections.c.opened)
    )
    return [
        (_DETECTION.decode(document), count, from_micros(last)) for document, count, last in connection.execute(query)
    ]


def detections_since(connection: Connection, since: datetime) -> Iterator[Detection]:
    """Give the detections that were concluded since a moment, the latest first; reads them all."""
    table = detections.c
    query = (
        select(table.document)
        .where(table.detected >= to_micros(since))
        .order_by(table.detected.desc(), table.serial.desc())
    )
    latest = query.order_by(table.detected.desc(), table.serial.desc())
    return map(_DETECTION.decode, connection.execute(latest).scalars())


def save_incidents(connection: Connection, changed: Iterable[Incident]) -> None:
    """Store incidents as they are now."""
    latest = {incident.number: incident for incident in changed}
    rows = [
        (
            incident.number,
            incident.kind,
            incident.organization,
            incident.subject,
            incident.status.value,
            int(incident.level),
            to_micros(incident.occurred_last),
            to_micros(incident.recorded_at),
            to_micros(incident.detected_at),
            incident.is_held,
            to_micros(touched_at(incident)),
            _DOCUMENT.encode(incident).decode(),
        )
        for incident in latest.values()
    ]
    many(
        connection,
        "INSERT INTO incidents"
        " (number, kind, organization, subject, status, level, occurred, recorded, detected, held, touched, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number)"
        " DO UPDATE SET status = excluded.status, level = excluded.level, occurred = excluded.occurred,"
        " held = excluded.held, document = excluded.document, touched = CASE"
        " WHEN excluded.touched > incidents.touched THEN excluded.touched ELSE incidents.touched END",
        rows,
    )


def open_incidents(
    connection: Connection, keys: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], Incident]:
    """Return the open incidents of the given (kind, organization, subject) keys."""
    wanted = set(keys)
    subjects = sorted({subject for _, _, subject in wanted})
    open_ones: dict[tuple[str, str, str], Incident] = {}
    table = incidents.c
    for start in range(0, len(subjects), _AT_ONCE):
        some = subjects[start : start + _AT_ONCE]
        query = select(table.document).where(table.subject.in_(some), IS_OPEN)
        # What the document says is compared: a column may have another sign for what a database does not keep.
        for incident in map(_INCIDENT.decode, connection.execute(query).scalars()):
            if (key := (incident.kind, incident.organization, incident.subject)) in wanted:
                open_ones[key] = incident
    return open_ones


_FORMER = """
SELECT asked.key, (
    SELECT number FROM incidents WHERE status = 'closed' AND kind = asked.kind
    AND organization = asked.organization AND subject = asked.subject ORDER BY detected DESC LIMIT 1
)
FROM ({asked}) AS asked
"""
_ASKED = """
SELECT key, json_extract(value, '$[0]') AS kind, json_extract(value, '$[1]') AS organization,
    json_extract(value, '$[2]') AS subject FROM json_each(:keys)
"""
_ASKED_OF_POSTGRESQL = """
SELECT key - 1 AS key, kind, organization, subject
FROM unnest(CAST(:kinds AS text[]), CAST(:organizations AS text[]), CAST(:subjects AS text[]))
    WITH ORDINALITY AS given (kind, organization, subject, key)
"""


def former_incidents(connection: Connection, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
    """Map keys (kind, customer, subject) to the number of the closed incident of each that was found last."""
    wanted = sorted(set(keys))
    values: dict[str, Any]
    if is_postgresql(connection):
        columns = zip(("kinds", "organizations", "subjects"), zip(*wanted, strict=True), strict=False)
        query, values = _ASKED_OF_POSTGRESQL, {name: list(column) for name, column in columns}
    else:
        query, values = _ASKED, {"keys": encode(wanted).decode()}
    rows = connection.execute(text(_FORMER.format(asked=query)), values) if wanted else ()
    return {wanted[place]: number for place, number in rows if number is not None}


def any_held(connection: Connection) -> bool:
    """Say whether messages of any incident wait for a person."""
    return connection.execute(select(incidents.c.number).where(incidents.c.held).limit(1)).first() is not None


def held_incidents_of(connection: Connection, serials: Sequence[int]) -> list[Incident]:
    """Return the incidents of episodes, by their numbers, whose messages wait for a person; each once."""
    held: dict[str, Incident] = {}
    for start in range(0, len(serials), _AT_ONCE):
        query = (
            select(incidents.c.number, incidents.c.document)
            .join(detections, incidents.c.number == detections.c.incident)
            .where(detections.c.serial.in_(serials[start : start + _AT_ONCE]), incidents.c.held)
        )
        held.update({number: _INCIDENT.decode(document) for number, document in connection.execute(query)})
    return [held[number] for number in sorted(held)]


def incidents_of(connection: Connection, serials: Sequence[int]) -> dict[int, tuple[str, Incident]]:
    """Map the numbers of episodes to the ids of their detections and the incidents of these."""
    incidents_by_serial: dict[int, tuple[str, Incident]] = {}
    for start in range(0, len(serials), _AT_ONCE):
        query = (
            select(detections.c.serial, detections.c.id, incidents.c.document)
            .join(incidents, incidents.c.number == detections.c.incident)
            .where(detections.c.serial.in_(serials[start : start + _AT_ONCE]))
        )
        rows = connection.execute(query)
        incidents_by_serial.update({serial: (id_, _INCIDENT.decode(document)) for serial, id_, document in rows})
    return incidents_by_serial


def incident(connection: Connection, number: str) -> Incident | None:
    """Return one incident, None where the number is unknown."""
    document = connection.execute(select(incidents.c.document).where(incidents.c.number == number)).scalar()
    return None if document is None else _INCIDENT.decode(document)


def _plain(table: EpisodeTable, name: str) -> list[int]:
    """Return a column as plain values; the numbers of databases are signed."""
    column: list[int] = table[name].astype("?" if name == "closed" else "i8").tolist()
    return column
