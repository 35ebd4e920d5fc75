"""Keeps commands and the receipt of each attempt to deliver them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Subquery,
    Table,
    Text,
    bindparam,
    case,
    func,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, CommandKind, Precedence
from credwatch.kernel.legible import in_a_log
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.store.database import Database, metadata
from credwatch.store.legal_clocks import meet
from credwatch.store.moments import from_micros, to_micros

commands = Table(
    "commands",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("languages", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("last_reason", Text, nullable=False),
    Column("precedence", Integer, nullable=False, server_default=text("0")),
    Column("lane", Text, nullable=False, server_default=text("''")),
    Index("commands_due", "state", "next_at"),
    Index("commands_duty", "workflow", "incident", "organization"),
    # All that the choice of the next message looks at.
    Index(
        "commands_waiting",
        "precedence",
        "lane",
        "created_at",
        "id",
        "attempts",
        "next_at",
        "recipient",
        "state",
        sqlite_where=text("state = 'queued'"),
    ),
)
"""One row for each message; `state` is queued, sending, delivered, refused, held for a person, or dropped by one."""

turns = Table(
    "turns",
    metadata,
    Column("lane", Text, primary_key=True),
    Column("served", Integer, nullable=False),
)
"""One row for each lane that had a turn; the lowest number has waited longest for the next one."""

receipts = Table(
    "receipts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("command", Text, ForeignKey("commands.id"), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("result", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Index("receipts_command", "command"),
)
"""One row for each attempt; `result` is started, delivered, retry, refused, interrupted by a crash,
or told by another way than mail while that was down."""


_BEHIND = 1 << 60
"""Microseconds that put what failed before behind everything that was not tried yet."""

WAITING = ("queued", "sending", "refused", "held")
"""The states of a message that has not come to its end."""

EVERY = (*WAITING, "delivered", "dropped")
"""All states of a message."""


class StoredCommand(Struct, frozen=True):
    """A command and where its delivery stands."""

    command: Command
    """The command."""
    state: str
    """queued, sending, delivered, refused, held or dropped."""
    attempts: int
    """How many attempts were begun since it was queued or put back."""
    since: datetime
    """When it was queued, or put back by an operator."""
    next_at: datetime
    """When it is due."""
    settled_at: datetime | None
    """When it was delivered, refused or dropped."""
    last_reason: str
    """What the server said last; why it is held or was dropped."""


class QueueState(Struct, frozen=True):
    """What the metrics say of the queue."""

    waiting: int
    """Commands queued or being sent."""
    refused: int
    """Commands that a person must look at."""
    oldest: datetime | None
    """When the oldest waiting command was queued; None where none waits."""
    held: int = 0
    """Commands that wait for a person."""
    oldest_held: datetime | None = None
    """When the oldest of them was written; None where there is none."""


def queue(connection: Connection, given: Iterable[Command]) -> int:
    """Queue commands and return how many of them are new and may leave.

    One whose id is known changes nothing, but where nobody can have read it: what is held says what is known now, and
    leaves once it need not be held; a letter to the operators that was not tried yet says the latest.
    """
    table, added = commands, insert(commands)
    is_unread = (table.c.state == "held") | (
        (table.c.kind == CommandKind.ESCALATE.value) & (table.c.state == "queued") & (table.c.attempts == 0)
    )
    # What is held stays as old as it is: its age is what the operators are asked about.
    goes_on_waiting = (table.c.state == "held") & (added.excluded.state == "held")
    changes: dict[str, Any] = {name: added.excluded[name] for name in ("languages", "context", "state", "last_reason")}
    changes |= {
        name: case((goes_on_waiting, table.c[name]), else_=added.excluded[name])
        for name in ("created_at", "since", "next_at")
    }
    statement = added.on_conflict_do_update(index_elements=["id"], set_=changes, where=is_unread)
    rows = [_row(command) for command in given]
    changed = [row for row in rows if connection.execute(statement, row).rowcount]
    return sum(row["state"] == "queued" for row in changed)


def queue_state(connection: Connection) -> QueueState:
    """Count the commands that have not come to their end; those that have are not looked at, however many they are."""
    unsettled = commands.c.state.in_(WAITING)
    statement = select(commands.c.state, func.count(), func.min(commands.c.created_at)).where(unsettled)
    statement = statement.group_by(commands.c.state)
    found = {state: (count, oldest) for state, count, oldest in connection.execute(statement)}
    waiting = [found[state] for state in ("queued", "sending") if state in found]
    return QueueState(
        waiting=sum(count for count, _ in waiting),
        refused=found.get("refused", (0, None))[0],
        oldest=from_micros(min(oldest for _, oldest in waiting)) if waiting else None,
        held=found["held"][0] if "held" in found else 0,
        oldest_held=from_micros(found["held"][1]) if "held" in found else None,
    )


def delivered_between(connection: Connection, begin: datetime, end: datetime) -> int:
    """Count the messages that were accepted from `begin` to before `end`."""
    is_within = (commands.c.settled_at >= to_micros(begin)) & (commands.c.settled_at < to_micros(end))
    statement = select(func.count()).where(commands.c.state == "delivered", is_within)
    return int(connection.execute(statement).scalar_one())


def latest(connection: Connection, workflow: str) -> datetime | None:
    """Tell when the latest command of a workflow was queued; None where there is none."""
    statement = select(func.max(commands.c.created_at)).where(commands.c.workflow == workflow)
    found = connection.execute(statement).scalar()
    return None if found is None else from_micros(found)


def receipts_of(connection: Connection, command: str) -> list[dict[str, Any]]:
    """Return the receipts of a command as JSON values, oldest first: when it was tried, and what came of it."""
    table = receipts.c
    query = select(table.started_at, table.settled_at, table.result, table.reply).where(table.command == command)
    return [
        {
            "message": command,
            "started_at": rfc3339(from_micros(row.started_at)),
            "settled_at": rfc3339(from_micros(row.settled_at)) if row.settled_at is not None else "",
            "result": row.result,
            "reply": row.reply,
        }
        for row in connection.execute(query.order_by(table.id))
    ]


def settle(connection: Connection, command_id: str, receipt: Receipt, now: datetime, next_at: datetime | None) -> None:
    """Note what came of the attempt begun last, and stop the clock whose last notice it was.

    A Retry waits until `next_at`; where that is None, nobody tries any longer and the command is listed as refused.
    """
    result, reply = _told(receipt)
    state = "queued" if result == "retry" and next_at else "refused" if result != "delivered" else "delivered"
    at = to_micros(now)
    connection.execute(
        receipts.update()
        .where(receipts.c.command == command_id, receipts.c.result == "started")
        .values(result=result, reply=reply, settled_at=at)
    )
    changed: dict[str, Any] = {"state": state, "last_reason": reply}
    changed |= {"next_at": to_micros(next_at)} if state == "queued" and next_at else {"settled_at": at}
    connection.execute(commands.update().where(commands.c.id == command_id).values(changed))
    if state == "delivered":
        _meet_clocks(connection, command_id, now)


class OutboxStore:
    """The dispatcher's view of the store: every method is a transaction of its own and raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recover(self, now: datetime) -> int:
        """Put back what a crash interrupted, due now, and return how many; call once, before the first `due`."""
        with self._database.writing() as connection:
            connection.execute(receipts.update().where(receipts.c.result == "started").values(result="interrupted"))
            interrupted = commands.update().where(commands.c.state == "sending")
            return connection.execute(interrupted.values(state="queued", next_at=to_micros(now))).rowcount

    def due(self, now: datetime, limit: int, busy: Sequence[str] = ()) -> list[StoredCommand]:
        """List the next command of each lane that is due by `now`, none to a recipient in `busy`.

        The highest precedence comes first, then the lane whose last turn is longest ago, so that a customer with a
        thousand messages delays another's by one. In a lane the oldest comes first, behind it what failed before.
        """
        while True:
            rows = self._next_rows(now, limit, busy)
            readable = {row["id"]: stored for row in rows if (stored := _readable(row)) is not None}
            unreadable = [row["id"] for row in rows if row["id"] not in readable]
            if not unreadable:
                return [*readable.values()]
            self._set_aside(unreadable, now)  # and look what stands behind them

    def _next_rows(self, now: datetime, limit: int, busy: Sequence[str]) -> list[Any]:
        next_of_lane = _next_of_each_lane(now, busy)
        statement = (
            select(commands)
            .join(next_of_lane, commands.c.id == next_of_lane.c.id)
            .outerjoin(turns, turns.c.lane == commands.c.lane)
            .order_by(commands.c.precedence, func.coalesce(turns.c.served, 0), commands.c.created_at, commands.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [row._mapping for row in connection.execute(statement)]

    def _set_aside(self, ids: Sequence[str], now: datetime) -> None:
        """List commands as refused that cannot be read, so that they hold up no others."""
        with self._database.writing() as connection:
            unreadable = commands.update().where(commands.c.id.in_(ids))
            connection.execute(
                unreadable.values(state="refused", settled_at=to_micros(now), last_reason="not sent: it cannot be read")
            )

    def next_at(self) -> datetime | None:
        """Tell when the next queued command is due; None where nothing is queued."""
        statement = select(func.min(commands.c.next_at)).where(commands.c.state == "queued")
        with self._database.reading() as connection:
            found = connection.execute(statement).scalar()
            return None if found is None else from_micros(found)

    def doubt(self, now: datetime, longest: Callable[[int], timedelta]) -> int:
        """Make due what waits longer than anything may after so many attempts, and return how many.

        The clock has been set back since such a command was told to wait.
        """
        table = commands
        waiting = select(table.c.id, table.c.attempts, table.c.next_at).where(table.c.state == "queued")
        with self._database.reading() as connection:
            doubtful = [row.id for row in connection.execute(waiting) if _is_doubtful(row, now, longest)]
        if not doubtful:
            return 0
        still = table.update().where(table.c.state == "queued", table.c.id == bindparam("doubted"))
        with self._database.writing() as connection:
            connection.execute(still.values(next_at=to_micros(now)), [{"doubted": name} for name in doubtful])
        return len(doubtful)

    def refuse(self, command_id: str, refused: Refused, now: datetime, escalations: Iterable[Command] = ()) -> bool:
        """Settle as refused what still waits, and queue what follows, in one transaction; says whether it did."""
        waiting = (commands.c.id == command_id) & (commands.c.state == "queued")
        with self._database.writing() as connection:
            if connection.execute(select(commands.c.id).where(waiting)).scalar() is None:
                return False
            settle(connection, command_id, refused, now, None)
            queue(connection, escalations)
            return True

    def last_delivered(self) -> datetime | None:
        """Tell when a command was accepted last; None where none was."""
        statement = select(func.max(commands.c.settled_at)).where(commands.c.state == "delivered")
        with self._database.reading() as connection:
            found = connection.execute(statement).scalar()
            return None if found is None else from_micros(found)

    def add(self, given: Iterable[Command], *, hasten_at: datetime | None = None) -> None:
        """Queue commands; where a moment is given, have all that waits be due then."""
        with self._database.writing() as connection:
            if hasten_at is not None:
                at = to_micros(hasten_at)
                later = (commands.c.state == "queued") & (commands.c.next_at > at)
                connection.execute(commands.update().where(later).values(next_at=at))
            queue(connection, given)

    def untold(self, kind: CommandKind, limit: int, *, waiting: bool) -> list[Command]:
        """List the refused commands of a kind that no other way has told yet, oldest first; `waiting` ones too."""
        states = ("queued", "sending", "refused") if waiting else ("refused",)
        was_told = select(receipts.c.command).where(receipts.c.result == "told")
        statement = (
            select(commands)
            .where(commands.c.state.in_(states), commands.c.kind == kind.value)
            .where(commands.c.id.not_in(was_told))
            .order_by(commands.c.created_at, commands.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = [row._mapping for row in connection.execute(statement)]
        return [stored.command for row in rows if (stored := _readable(row)) is not None]

    def told(self, ids: Iterable[str], now: datetime, reply: str) -> None:
        """Note that another way than mail has told commands; they wait for mail all the same."""
        at = to_micros(now)
        with self._database.writing() as connection:
            for command_id in ids:
                connection.execute(
                    receipts.insert().values(
                        command=command_id, started_at=at, settled_at=at, result="told", reply=in_a_log(reply)
                    )
                )

    def begin(self, command_id: str, now: datetime) -> None:
        """Note that an attempt begins, before the first byte goes out."""
        with self._database.writing() as connection:
            begun = commands.update().where(commands.c.id == command_id)
            connection.execute(begun.values(state="sending", attempts=commands.c.attempts + 1))
            _take_turn(connection, command_id)
            connection.execute(
                receipts.insert().values(command=command_id, started_at=to_micros(now), result="started", reply="")
            )

    def settle(
        self,
        command_id: str,
        receipt: Receipt,
        now: datetime,
        next_at: datetime | None,
        escalations: Iterable[Command] = (),
    ) -> None:
        """Settle an attempt and queue what follows from it, in one transaction."""
        with self._database.writing() as connection:
            settle(connection, command_id, receipt, now, next_at)
            queue(connection, escalations)

    def listed(self, states: Sequence[str] = WAITING) -> list[StoredCommand]:
        """List the commands in these states, oldest first."""
        statement = select(commands).where(commands.c.state.in_(states))
        with self._database.reading() as connection:
            rows = [
                row._mapping for row in connection.execute(statement.order_by(commands.c.created_at, commands.c.id))
            ]
        return [stored for row in rows if (stored := _readable(row)) is not None]

    def retry(self, now: datetime, ids: Sequence[str] = ()) -> list[str]:
        """Put refused and waiting commands back, due now, and return their ids; without `ids`, all refused ones."""
        table = commands
        chosen = table.c.state == "refused"
        if ids:
            chosen = table.c.state.in_(("refused", "queued")) & table.c.id.in_(ids)
        with self._database.writing() as connection:
            found = list(connection.execute(select(table.c.id).where(chosen).order_by(table.c.id)).scalars())
            at = to_micros(now)
            back = table.update().where(chosen)
            connection.execute(back.values(state="queued", attempts=0, since=at, next_at=at, settled_at=None))
            return found


_NEXT_OF_EACH_LANE = """
SELECT id, min(created_at + CASE WHEN attempts > 0 THEN :behind ELSE 0 END) AS place
FROM commands INDEXED BY commands_waiting
WHERE state = 'queued' AND next_at <= :now AND recipient NOT IN (SELECT value FROM json_each(:busy))
GROUP BY precedence, lane
"""
"""Chooses the next message of each lane by one walk over an index that has all it needs: 3 ms where 20,000 wait.

SQLite takes the id from the row that has the least value (sqlite.org/lang_select.html, bare columns). Left to itself it
would take the index on state and time, and read each row with its texts.
"""


def _next_of_each_lane(now: datetime, busy: Sequence[str]) -> Subquery:
    chosen = text(_NEXT_OF_EACH_LANE).bindparams(now=to_micros(now), busy=json.dumps(list(busy)), behind=_BEHIND)
    return chosen.columns(Column("id", Text)).subquery("next_of_lane")


def _take_turn(connection: Connection, command_id: str) -> None:
    """Have a command's lane wait behind all others."""
    last = select(func.coalesce(func.max(turns.c.served), 0) + 1).scalar_subquery()
    lane = select(commands.c.lane).where(commands.c.id == command_id).scalar_subquery()
    taken = insert(turns).values(lane=lane, served=last)
    connection.execute(taken.on_conflict_do_update(index_elements=["lane"], set_={"served": taken.excluded.served}))


def _is_doubtful(row: Any, now: datetime, longest: Callable[[int], timedelta]) -> bool:
    return bool(row.next_at > to_micros(now + longest(row.attempts)))


def _meet_clocks(connection: Connection, command_id: str, now: datetime) -> None:
    table = commands
    duty = connection.execute(
        select(table.c.workflow, table.c.incident, table.c.organization).where(table.c.id == command_id)
    ).one()
    same = (table.c.workflow == duty[0], table.c.incident == duty[1], table.c.organization == duty[2])
    unmet = select(func.count()).select_from(table).where(*same, table.c.state.not_in(("delivered", "dropped")))
    if not connection.execute(unmet).scalar_one():
        meet(connection, duty[0], duty[1], duty[2], now)


def _told(receipt: Receipt) -> tuple[str, str]:
    """Name a receipt's result and its reason; SQLite takes no text with bytes that are no UTF-8."""
    match receipt:
        case Delivered(reply=reply):
            return "delivered", in_a_log(reply)
        case Retry(reason=reason):
            return "retry", in_a_log(reason)
        case Refused(reason=reason):
            return "refused", in_a_log(reason)


def _row(command: Command) -> dict[str, object]:
    row = asdict(command)
    created = to_micros(command.created_at)
    row |= {
        "kind": command.kind.value,
        "languages": json.dumps(command.languages),
        "context": json.dumps(command.context, ensure_ascii=False, sort_keys=True),
        "created_at": created,
        "precedence": command.precedence.value,
        "lane": command.lane,
    }
    row["last_reason"] = row.pop("hold")
    state = "held" if command.hold else "queued"
    return row | {"state": state, "attempts": 0, "since": created, "next_at": created}


def _readable(row: Any) -> StoredCommand | None:
    """Read a row, None where it is not what was written: another program or a broken disk was at it."""
    try:
        return stored_command(row)
    except (ValueError, TypeError, OverflowError):
        return None


def stored_command(row: Any) -> StoredCommand:
    """Build a stored command from its row."""
    command = Command(
        id=row["id"],
        kind=CommandKind(row["kind"]),
        workflow=row["workflow"],
        incident=row["incident"],
        organization=row["organization"],
        recipient=row["recipient"],
        languages=tuple(json.loads(row["languages"])),
        template=row["template"],
        context=json.loads(row["context"]),
        created_at=from_micros(row["created_at"]),
        hold=row["last_reason"] if row["state"] == "held" else "",
        precedence=Precedence(row["precedence"]),
    )
    return StoredCommand(
        command=command,
        state=row["state"],
        attempts=row["attempts"],
        since=from_micros(row["since"]),
        next_at=from_micros(row["next_at"]),
        settled_at=from_micros(row["settled_at"]) if row["settled_at"] is not None else None,
        last_reason=row["last_reason"],
    )
