"""Keeps what joined a joint letter instead of leaving by itself, and which letter told it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from msgspec.json import Decoder, Encoder
from msgspec.structs import asdict, replace
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    RowMapping,
    Select,
    Table,
    Text,
    and_,
    select,
    text,
)

from credwatch.kernel.command import Command
from credwatch.kernel.secrecy import SECRECY
from credwatch.store.commands import commands
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros
from credwatch.workflows.joint import Matter, Series, SeriesState, admit, matter_of, series_of
from credwatch.workflows.message import THREADS

_DOCUMENT = Encoder()
_MATTER = Decoder(Matter)
_STATE = Decoder(SeriesState)
_AT_ONCE = 500
_IS_UNTOLD = text("told_by = ''")  # written out, for so alone the index of these is used

joined = Table(
    "joined",
    metadata,
    Column("id", Text, primary_key=True),  # that of the letter that did not leave by itself
    Column("workflow", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("joined_at", BigInteger, nullable=False),
    Column("matter", Text, nullable=False),  # the Matter, JSON
    Column("told_by", Text, nullable=False),  # the id of the joint letter; empty while it waits
    Index("joined_incident", "incident"),
    Index("joined_told", "told_by"),
    Index(
        "joined_waiting",
        "workflow",
        "kind",
        "organization",
        "recipient",
        "joined_at",
        sqlite_where=text("told_by = ''"),
    ),
)
"""One row for each letter that a joint letter tells in its stead."""

joint_series = Table(
    "joint_series",
    metadata,
    Column("workflow", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("state", Text, nullable=False),  # the SeriesState, JSON
    Column("waits", Boolean, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("joint_series_waiting", "waits"),
)
"""One row for each reader and kind of letter of the last day."""


def leaving(connection: Connection, letters: Sequence[Command]) -> list[Command]:
    """Give the commands that leave by themselves, and keep the others for the joint letter of their series.

    What is queued, or has joined, stays what it is; what waits to be told tells the latest.
    """
    by_series: dict[Series, list[Command]] = {}
    for command in letters:
        if (series := series_of(command)) is not None:
            by_series.setdefault(series, []).append(command)
    # What an order holds back joins nothing; a joint letter may have told it before.
    secret = [command.id for command in letters if command.hold == SECRECY]
    if not by_series and not secret:
        return [*letters]
    ids = [*secret, *(command.id for some in by_series.values() for command in some)]
    told_by = _told(connection, ids)
    queued = _queued(connection, [name for name in ids if name not in told_by])
    stays = {*told_by}
    for series, some in by_series.items():
        fresh = [command for command in some if command.id not in told_by and command.id not in queued]
        if fresh:
            stays |= _take_up(connection, series, fresh)
    _renew(connection, [command for some in by_series.values() for command in some if told_by.get(command.id) == ""])
    return [command for command in letters if command.id not in stays]


def _take_up(connection: Connection, series: Series, fresh: list[Command]) -> set[str]:
    """Have join what does not leave by itself; return the ids of all that stay.

    Of an incident whose notice waits to be told, that notice tells the news; and it hurries before the incident's end.
    """
    opening = replace(series, workflow=THREADS.get(series.workflow, ""))
    early = _waiting_incidents(connection, opening) if opening.workflow else set()
    builds_on_it = {command.id for command in fresh if command.incident in early}
    if series.workflow.endswith("_news"):
        fresh = [command for command in fresh if command.id not in builds_on_it]
    elif builds_on_it:
        _save(connection, opening, replace(_state(connection, opening), hurries=True), fresh[0].created_at)
    if fresh:
        now, before = fresh[0].created_at, _state(connection, series)
        alone, after = admit(series, before, fresh, now, all_join=bool(builds_on_it))
        _save(connection, series, after, now)
        _add(connection, series, fresh[alone:])
        return builds_on_it.union(command.id for command in fresh[alone:])
    return builds_on_it


def waiting_series(connection: Connection) -> list[tuple[Series, SeriesState]]:
    """Give the series that something has joined which no letter has told, with what is remembered of each."""
    table = joint_series.c
    query = select(table.workflow, table.kind, table.organization, table.recipient, table.state)
    rows = connection.execute(query.where(table.waits).order_by(*list(table)[:4]))
    return [(Series(*key), _STATE.decode(state)) for *key, state in rows]


def waiting_matters(connection: Connection, series: Series, secret: Collection[str] = ()) -> list[Matter]:
    """Give what has joined a series and was not told, the oldest first, but of incidents that an order keeps secret."""
    query = select(joined.c.matter).where(_is_of(joined, series), _IS_UNTOLD, joined.c.incident.not_in(secret))
    rows = connection.execute(query.order_by(joined.c.joined_at, joined.c.id))
    return [_MATTER.decode(matter) for matter in rows.scalars()]


def note_told(
    connection: Connection,
    series: Series,
    state: SeriesState,
    letters: Iterable[tuple[str, Iterable[Matter]]],
    now: datetime,
) -> None:
    """Note which letter told which matters, and what is remembered of their series."""
    for letter, matters in letters:
        for some in _portions([matter.id for matter in matters]):
            connection.execute(joined.update().where(joined.c.id.in_(some)).values(told_by=letter))
    _save(connection, series, state, now)


def is_under_way(connection: Connection, letter: str) -> bool:
    """Say whether a joint letter was written and not accepted or refused yet."""
    query = select(commands.c.id).where(commands.c.id == letter, commands.c.state.in_(("queued", "sending")))
    return connection.execute(query).first() is not None


def forget_quiet(connection: Connection, before: datetime) -> None:
    """Forget the series that nothing has come to since a moment."""
    is_quiet = (joint_series.c.changed_at < to_micros(before)) & ~joint_series.c.waits
    connection.execute(joint_series.delete().where(is_quiet))


def letters_about(incident: str) -> Select[tuple[str]]:
    """Build the query for the ids of the joint letters that tell of an incident."""
    return select(joined.c.told_by).where(joined.c.incident == incident, joined.c.told_by != "")


def told_in(connection: Connection, letter: str) -> frozenset[str]:
    """Name the incidents that a joint letter tells of; none where it is no joint letter."""
    return frozenset(connection.execute(select(joined.c.incident).where(joined.c.told_by == letter)).scalars())


def tell_again(connection: Connection, letter: str, now: datetime) -> None:
    """Have the matters of a letter that never left wait for another one."""
    of_it = joined.c.told_by == letter
    rows = connection.execute(select(joined).where(of_it).order_by(joined.c.joined_at, joined.c.id)).mappings().all()
    connection.execute(joined.update().where(of_it).values(told_by=""))
    for series, some in _by_series(rows).items():
        before = _state(connection, series)
        matters = max(0, before.matters - len(some))
        begun = before if before.opened_by else replace(before, number=some[0]["incident"], opened_by=some[0]["id"])
        _save(connection, series, replace(begun, joined_at=now, waits=True, hurries=True, matters=matters), now)


def tell_at_last(connection: Connection, incident: str, now: datetime) -> None:
    """Have what waits of an incident, of which an order forbade to tell, be told with the next letter."""
    rows = connection.execute(select(joined).where(joined.c.incident == incident, _IS_UNTOLD)).mappings().all()
    for series in _by_series(rows):
        _save(connection, series, replace(_state(connection, series), joined_at=now, waits=True, hurries=True), now)


def _by_series(rows: Sequence[RowMapping]) -> dict[Series, list[RowMapping]]:
    by_series: dict[Series, list[RowMapping]] = {}
    for row in rows:
        series = Series(row["workflow"], row["kind"], row["organization"], row["recipient"])
        by_series.setdefault(series, []).append(row)
    return by_series


def _told(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Say of those of these letters that have joined which joint letter told them; an empty text where none has."""
    rows = (
        connection.execute(select(joined.c.id, joined.c.told_by).where(joined.c.id.in_(some)))
        for some in _portions(ids)
    )
    return {name: letter for some in rows for name, letter in some}


def _queued(connection: Connection, ids: Sequence[str]) -> set[str]:
    rows = (connection.execute(select(commands.c.id).where(commands.c.id.in_(some))) for some in _portions(ids))
    return {name for some in rows for name in some.scalars()}


def _waiting_incidents(connection: Connection, series: Series) -> set[str]:
    query = select(joined.c.incident).where(_is_of(joined, series), _IS_UNTOLD)
    return set(connection.execute(query).scalars())


def _state(connection: Connection, series: Series) -> SeriesState:
    stored = connection.execute(select(joint_series.c.state).where(_is_of(joint_series, series))).scalar()
    return SeriesState() if stored is None else _STATE.decode(stored)


def _save(connection: Connection, series: Series, state: SeriesState, now: datetime) -> None:
    connection.execute(joint_series.delete().where(_is_of(joint_series, series)))
    row = {"state": _DOCUMENT.encode(state).decode(), "waits": state.waits, "changed_at": to_micros(now)}
    connection.execute(joint_series.insert().values(**asdict(series), **row))


def _add(connection: Connection, series: Series, fresh: Sequence[Command]) -> None:
    rows = [
        {"id": command.id, "incident": command.incident, "joined_at": to_micros(command.created_at), "told_by": ""}
        | {"matter": _written(command)}
        | asdict(series)
        for command in fresh
    ]
    if rows:
        connection.execute(joined.insert(), rows)


def _renew(connection: Connection, waiting: Sequence[Command]) -> None:
    for command in waiting:
        connection.execute(joined.update().where(joined.c.id == command.id).values(matter=_written(command)))


def _written(command: Command) -> str:
    return _DOCUMENT.encode(matter_of(command)).decode()


def _is_of(table: Table, series: Series) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in asdict(series).items()))


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
