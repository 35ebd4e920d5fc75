"""The tables of silences, and of the detections that each has hidden."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.json import Decoder, Encoder
from sqlalchemy import Boolean, Column, Connection, Index, Table, Text, func, select, text

from credwatch.kernel.silence import Silence
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros
from credwatch.store.statements import many

_ENCODER = Encoder()
_SILENCE = Decoder(Silence)

silences = Table(
    "silences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("over", Number, nullable=False),  # when it ends or has ended
    Column("told", Boolean, nullable=False),  # whether the operators know that it is over
    Column("document", Text, nullable=False),  # the Silence, JSON
    Index("silences_untold", "over", sqlite_where=text("told = 0")),
)

silenced = Table(
    "silenced",
    metadata,
    Column("serial", Number, primary_key=True),  # of the detection
    Column("silence", Text, nullable=False),
    Index("silenced_by", "silence"),
)


def save_silence(connection: Connection, silence: Silence) -> None:
    """Store a silence, or what became of it."""
    row = (silence.id, to_micros(silence.over_at), _ENCODER.encode(silence).decode())
    statement = (
        "INSERT INTO silences (id, over, told, document) VALUES (?, ?, FALSE, ?)"
        " ON CONFLICT (id) DO UPDATE SET over = excluded.over, document = excluded.document"
    )
    many(connection, statement, [row])


def silence(connection: Connection, id_: str) -> Silence | None:
    """Return one silence; None where nobody made it."""
    document = connection.execute(select(silences.c.document).where(silences.c.id == id_)).scalar()
    return None if document is None else _SILENCE.decode(document)


def all_silences(connection: Connection) -> list[Silence]:
    """Return every silence, those that end last first."""
    query = select(silences.c.document).order_by(silences.c.over.desc(), silences.c.id)
    return [_SILENCE.decode(document) for document in connection.execute(query).scalars()]


def running_silences(connection: Connection, now: datetime) -> list[Silence]:
    """Return the silences that hold now."""
    table = silences.c
    query = select(table.document).where(~table.told, table.over > to_micros(now)).order_by(table.over, table.id)
    running = [_SILENCE.decode(document) for document in connection.execute(query).scalars()]
    return [silence for silence in running if silence.starts_at <= now]


def ended_untold(connection: Connection, now: datetime) -> list[Silence]:
    """Return the silences that are over, and of which the operators have not been told that."""
    table = silences.c
    query = select(table.document).where(~table.told, table.over <= to_micros(now)).order_by(table.over, table.id)
    return [_SILENCE.decode(document) for document in connection.execute(query).scalars()]


def note_told(connection: Connection, ids: Iterable[str]) -> None:
    """Note that the operators know that silences are over."""
    many(connection, "UPDATE silences SET told = TRUE WHERE id = ?", [(id_,) for id_ in ids])


def add_silenced(connection: Connection, hidden: Iterable[tuple[int, str]]) -> None:
    """Note which silence has hidden each detection, by the detection's number."""
    many(connection, "INSERT INTO silenced (serial, silence) VALUES (?, ?) ON CONFLICT DO NOTHING", list(hidden))


def hidden_by(connection: Connection) -> dict[str, int]:
    """Count the detections that each silence has hidden; those without any are left out."""
    of_each = select(func.count()).where(silenced.c.silence == silences.c.id).scalar_subquery()
    return {silence: count for silence, count in connection.execute(select(silences.c.id, of_each)) if count}
