"""The measures: what was decided about each, what is in force, and what their caps have left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.json import Decoder, Encoder
from msgspec.structs import replace
from sqlalchemy import Boolean, Column, Connection, Index, Table, Text, func, select, text

from credwatch.kernel.account import compared
from credwatch.kernel.ids import stable_id
from credwatch.kernel.measure import STANDING, Measure, MeasureState
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros
from credwatch.store.state.tellings import wait_for_news
from credwatch.store.statements import insert
from credwatch.workflows.governor import HOUR, Usage
from credwatch.workflows.taken import stage_of

_DOCUMENT = Encoder()
_MEASURE = Decoder(Measure)
_OPEN_END = 1 << 62
_AT_ONCE = 500
_MOVES = text("moves_at IS NOT NULL")  # written out, for so alone the index of these is used
REMEMBERED = timedelta(days=30)
"""So long an earlier measure against the same target has the next one last longer."""

measures = Table(
    "measures",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("dry", Boolean, nullable=False),
    Column("plan", Text, nullable=False),
    Column("aim", Text, nullable=False),  # what channel, action, customer and target come to
    Column("on_address", Boolean, nullable=False),
    Column("organization", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("proposed_at", Number, nullable=False),
    Column("acted_at", Number),  # when it was let go, dry ones too
    Column("stands_until", Number, nullable=False),  # until then no second one has the same aim
    Column("moves_at", Number),  # when the clock moves it on: to be undone, or to lapse
    Column("set_at", Number, nullable=False),  # when that was set: ahead of now where the clock was set back
    Column("document", Text, nullable=False),  # the Measure, JSON
    Index("measures_aim", "aim", "stands_until"),
    Index("measures_acted", "dry", "on_address", "acted_at"),
    Index("measures_moving", "moves_at", "set_at", sqlite_where=text("moves_at IS NOT NULL")),
    Index("measures_state", "state", "proposed_at"),
    Index("measures_listed", "proposed_at", "id"),
    Index("measures_incident", "incident"),
)


def save_measures(
    connection: Connection, changed: Iterable[Measure], now: datetime, patience: timedelta = timedelta(days=1)
) -> None:
    """Store measures as they are now; `patience` is how long one waits for people, or for its channel.

    Customers who were told of their incidents hear of it by the clock, where it is news to them.
    """
    changed = [*changed]
    rows = [_row(measure, now, patience) for measure in changed]
    wait_for_news(connection, {(it.incident, it.organization) for it in changed if stage_of(it) is not None})
    if rows:
        statement = insert(connection, measures)
        changes = {name: statement.excluded[name] for name in rows[0] if name != "id"}
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes), rows)


def _row(measure: Measure, now: datetime, patience: timedelta) -> dict[str, object]:
    moves = _moves_at(measure, patience)
    return {
        "id": measure.id,
        "state": measure.state.value,
        "dry": measure.dry,
        "plan": measure.plan,
        "aim": _aim(measure),
        "on_address": measure.is_on_address,
        "organization": measure.organization,
        "incident": measure.incident,
        "proposed_at": to_micros(measure.proposed_at),
        "acted_at": None if measure.acted_at is None else to_micros(measure.acted_at),
        "stands_until": _stands_until(measure),
        "moves_at": None if moves is None else to_micros(moves),
        "set_at": to_micros(now),
        "document": _DOCUMENT.encode(measure).decode(),
    }


def _aim(measure: Measure) -> str:
    return stable_id("aim", measure.channel, measure.action, measure.organization, compared(measure.target))


def _stands_until(measure: Measure) -> int:
    """Tell until when the same need not be done, refused or held again."""
    if measure.state in STANDING:
        return _OPEN_END
    if measure.state in (MeasureState.DRY, MeasureState.DONE, MeasureState.REFUSED):
        return to_micros(measure.until or (measure.acted_at or measure.proposed_at) + HOUR)
    return 0


def _moves_at(measure: Measure, patience: timedelta) -> datetime | None:
    match measure.state:
        case MeasureState.HELD:
            return measure.proposed_at + patience
        case MeasureState.QUEUED | MeasureState.STOPPED:
            return measure.until or (measure.acted_at or measure.proposed_at) + patience
        case MeasureState.IN_FORCE:
            return measure.until
    return None


def measure_of(connection: Connection, id_: str) -> Measure | None:
    """Return one measure; None where there is none of this id."""
    document = connection.execute(select(measures.c.document).where(measures.c.id == id_)).scalar()
    return None if document is None else _MEASURE.decode(document)


def of_incidents(connection: Connection, numbers: Collection[str]) -> dict[str, list[Measure]]:
    """Return the measures of incidents by number, the oldest first; those without any are left out."""
    table, measures_by_number = measures.c, dict[str, list[Measure]]()
    every = sorted(numbers)
    for start in range(0, len(every), _AT_ONCE):
        query = select(table.document).where(table.incident.in_(every[start : start + _AT_ONCE]), ~table.dry)
        for document in connection.execute(query.order_by(table.proposed_at, table.id)).scalars():
            measure = _MEASURE.decode(document)
            measures_by_number.setdefault(measure.incident, []).append(measure)
    return measures_by_number


def stands(connection: Connection, measure: Measure) -> bool:
    """Say whether the same is in force, waits, or was refused within the hour; dry ones by themselves."""
    table = measures.c
    same = (table.aim == _aim(measure)) & (table.dry == measure.dry)
    query = select(table.id).where(same, table.stands_until > to_micros(measure.proposed_at)).limit(1)
    return connection.execute(query).first() is not None


def repeats(connection: Connection, measure: Measure) -> int:
    """Count the measures of the same aim that were let go within the time that is remembered."""
    table, since = measures.c, to_micros(measure.proposed_at - REMEMBERED)
    same = (table.aim == _aim(measure)) & (table.dry == measure.dry)
    return int(connection.execute(select(func.count()).where(same, table.acted_at > since)).scalar_one())


def usage(connection: Connection, measure: Measure, now: datetime) -> Usage:
    """Count what was let go within the last hour, and what a clock that was ahead seems to have let go since."""
    table = measures.c
    lately = (table.acted_at > to_micros(now - HOUR)) & (table.dry == measure.dry)
    alike = lately & (table.on_address == measure.is_on_address)
    own = func.count().filter(table.organization == measure.organization)
    in_all, of_customer = connection.execute(select(func.count(), own).where(alike)).one()
    return Usage(int(in_all), int(of_customer))


def listed(connection: Connection, states: Sequence[MeasureState], limit: int, plan: str = "") -> list[Measure]:
    """Return measures in these states, or all where none is named, the latest first; of one plan where it is named."""
    table = measures.c
    query = select(table.document).order_by(table.proposed_at.desc(), table.id.desc()).limit(limit)
    if states:
        query = query.where(table.state.in_([state.value for state in states]))
    if plan:
        query = query.where(table.plan == plan)
    return [_MEASURE.decode(document) for document in connection.execute(query).scalars()]


def in_state(connection: Connection, *states: MeasureState) -> list[Measure]:
    """Return every measure in these states, the oldest first."""
    table = measures.c
    query = select(table.document).where(table.state.in_([state.value for state in states]))
    return [
        _MEASURE.decode(document)
        for document in connection.execute(query.order_by(table.proposed_at, table.id)).scalars()
    ]


def moving(connection: Connection, now: datetime) -> list[Measure]:
    """Return the measures whose time has come."""
    table = measures.c
    query = select(table.document).where(_MOVES, table.moves_at <= to_micros(now)).order_by(table.moves_at, table.id)
    return [_MEASURE.decode(document) for document in connection.execute(query).scalars()]


def reckon_anew(connection: Connection, now: datetime, patience: timedelta) -> int:
    """Have what is in force end no later than its whole time from now, where the clock was set back; say how many.

    What a clock that was ahead has written would last for as long as it was ahead.
    """
    table = measures.c
    query = select(table.document).where(_MOVES, table.set_at > to_micros(now))
    doubtful = [_MEASURE.decode(document) for document in connection.execute(query).scalars()]
    save_measures(connection, (_sooner(measure, now) for measure in doubtful), now, patience)
    return len(doubtful)


def _sooner(measure: Measure, now: datetime) -> Measure:
    until = min(measure.until, now + measure.lasts) if measure.until else None
    return replace(
        measure,
        until=until,
        proposed_at=min(measure.proposed_at, now),
        acted_at=min(measure.acted_at, now) if measure.acted_at else None,
    )


def counts(connection: Connection) -> dict[tuple[MeasureState, bool], int]:
    """Count the measures that are in force or wait, by state, those against addresses by themselves."""
    table = measures.c
    query = select(table.state, table.on_address, func.count()).where(table.state.in_(sorted(STANDING)))
    query = query.group_by(table.state, table.on_address)
    return {(MeasureState(state), bool(where)): int(count) for state, where, count in connection.execute(query)}
