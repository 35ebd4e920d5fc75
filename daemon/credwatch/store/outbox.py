"""The queue of messages: what is put into it, how it stands, and what the dispatcher does with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, bindparam, case, func, select, text

from credwatch.kernel.canary import CANARY
from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.legible import in_a_log
from credwatch.kernel.measure import ENFORCEMENT
from credwatch.kernel.receipt import Receipt, Refused
from credwatch.kernel.secrecy import SECRECY
from credwatch.ledger.entry import MACHINE, Act, ActKind
from credwatch.store import audit
from credwatch.store.audited import message_act
from credwatch.store.cases.secrecy_orders import withheld
from credwatch.store.commands import WAITING, StoredCommand, commands, readable
from credwatch.store.database import Database
from credwatch.store.forbidden import stopped
from credwatch.store.joined import leaving, letters_about
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.pages import FIRST, Page, paged
from credwatch.store.receipts import receipts, settle
from credwatch.store.statements import insert
from credwatch.store.taken import row_in_time, with_taken
from credwatch.store.turns import next_rows, take_turn

_IS_BEGUN = text("result = 'started'")  # written out, for so alone the index of these is used


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


def queue(connection: Connection, new_commands: Iterable[Command]) -> int:
    """Queue commands and return how many of them are new and may leave; what joins a joint letter is not queued.

    One whose id is known changes nothing, but where nobody can have read it: what is held says what is known now, and
    leaves once it need not be held; a letter to the operators that was not tried yet says the latest.
    """
    table, added = commands, insert(connection, commands)
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
    statement = added.on_conflict_do_update(index_elements=["id"], set_=changes, where=is_unread).returning(table.c.id)
    letters = with_taken(connection, withheld(connection, [*new_commands]))
    rows = [row_in_time(command) for command in leaving(connection, letters)]
    leaves = [row for row in rows if connection.execute(statement, row).first() and row["state"] == "queued"]
    acts = (
        message_act(ActKind.NOTICE_QUEUED, row, from_micros(int(str(row["created_at"]))))
        for row in leaves
        if row["workflow"] not in (CANARY, ENFORCEMENT)  # a measure has its own acts
    )
    audit.append(connection, *acts)
    return len(leaves)


def queue_state(connection: Connection) -> QueueState:
    """Count the commands that have not come to their end; those that have are not looked at, however many they are."""
    unsettled = commands.c.state.in_([state for state in WAITING if state != "held"])
    statement = select(commands.c.state, func.count(), func.min(commands.c.created_at)).where(unsettled)
    statement = statement.group_by(commands.c.state)
    totals = {state: (count, oldest) for state, count, oldest in connection.execute(statement)}
    waiting = [totals[state] for state in ("queued", "sending") if state in totals]
    # What an order holds back waits for its review, and not for whoever lets messages go.
    is_held = (commands.c.state == "held") & (commands.c.last_reason != SECRECY)
    held, oldest_held = connection.execute(select(func.count(), func.min(commands.c.created_at)).where(is_held)).one()
    return QueueState(
        waiting=sum(count for count, _ in waiting),
        refused=totals.get("refused", (0, None))[0],
        oldest=from_micros(min(oldest for _, oldest in waiting)) if waiting else None,
        held=held,
        oldest_held=from_micros(oldest_held) if held else None,
    )


def delivered_between(connection: Connection, begin: datetime, end: datetime) -> int:
    """Count the messages that were accepted from `begin` to before `end`."""
    is_within = (commands.c.settled_at >= to_micros(begin)) & (commands.c.settled_at < to_micros(end))
    statement = select(func.count()).where(commands.c.state == "delivered", is_within, commands.c.workflow != CANARY)
    return int(connection.execute(statement).scalar_one())


def latest(connection: Connection, workflow: str) -> datetime | None:
    """Tell when the latest command of a workflow was queued; None where there is none."""
    statement = select(func.max(commands.c.created_at)).where(commands.c.workflow == workflow)
    moment = connection.execute(statement).scalar()
    return None if moment is None else from_micros(moment)


class OutboxStore:
    """The dispatcher's view of the store: every method is a transaction of its own and raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recover(self, now: datetime) -> int:
        """Put back what a crash interrupted, due now, and return how many; call once, before the first `due`."""
        with self._database.writing() as connection:
            connection.execute(receipts.update().where(_IS_BEGUN).values(result="interrupted"))
            interrupted = commands.update().where(commands.c.state == "sending")
            return connection.execute(interrupted.values(state="queued", next_at=to_micros(now))).rowcount

    def due(self, now: datetime, limit: int, busy: Sequence[str] = ()) -> list[StoredCommand]:
        """List the next command of each lane that is due by `now`, none to a recipient in `busy`.

        The highest precedence comes first, then the lane whose last turn is longest ago, so that a customer with a
        thousand messages delays another's by one. In a lane the oldest comes first, behind it what failed before.
        """
        while True:
            with self._database.reading() as connection:
                rows = next_rows(connection, now, limit, busy)
            chosen = {row["id"]: stored for row in rows if (stored := readable(row)) is not None}
            unreadable = [row["id"] for row in rows if row["id"] not in chosen]
            if not unreadable:
                return [*chosen.values()]
            self._set_aside(unreadable, now)  # and look what stands behind them

    def _set_aside(self, ids: Sequence[str], now: datetime) -> None:
        """List commands as refused that cannot be read, so that they hold up no others."""
        reason = "not sent: it cannot be read"
        with self._database.writing() as connection:
            unreadable = commands.update().where(commands.c.id.in_(ids))
            connection.execute(unreadable.values(state="refused", settled_at=to_micros(now), last_reason=reason))
            details: dict[str, object] = {"reply": reason}
            refused = (Act(now, ActKind.NOTICE_REFUSED, details={"message": id_} | details) for id_ in ids)
            audit.append(connection, *refused)

    def next_at(self) -> datetime | None:
        """Tell when the next queued command is due; None where nothing is queued."""
        statement = select(func.min(commands.c.next_at)).where(commands.c.state == "queued")
        with self._database.reading() as connection:
            moment = connection.execute(statement).scalar()
            return None if moment is None else from_micros(moment)

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
            moment = connection.execute(statement).scalar()
            return None if moment is None else from_micros(moment)

    def add(self, new_commands: Iterable[Command], *, hasten_at: datetime | None = None) -> None:
        """Queue commands; where a moment is given, have all that waits be due then."""
        with self._database.writing() as connection:
            if hasten_at is not None:
                at = to_micros(hasten_at)
                later = (commands.c.state == "queued") & (commands.c.next_at > at)
                connection.execute(commands.update().where(later).values(next_at=at))
            queue(connection, new_commands)

    def untold(self, kind: CommandKind, limit: int, *, waiting: bool) -> list[Command]:
        """List the refused commands of a kind that no other way has told yet, oldest first; `waiting` ones too."""
        states = ("queued", "sending", "refused") if waiting else ("refused",)
        was_told = select(receipts.c.id).where(receipts.c.command == commands.c.id, receipts.c.result == "told")
        statement = (
            select(commands)
            .where(commands.c.state.in_(states), commands.c.kind == kind.value)
            .where(~was_told.exists())
            .order_by(commands.c.created_at, commands.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = [row._mapping for row in connection.execute(statement)]
        return [stored.command for row in rows if (stored := readable(row)) is not None]

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

    def begin(self, command_id: str, now: datetime) -> bool:
        """Note that an attempt begins, before the first byte goes out; False where it may not leave by now.

        An order forbids it, or a person has stopped or dropped it since it was listed as due.
        """
        with self._database.writing() as connection:
            if stopped(connection, command_id, now):
                return False
            begun = commands.update().where(commands.c.id == command_id, commands.c.state == "queued")
            if not connection.execute(begun.values(state="sending", attempts=commands.c.attempts + 1)).rowcount:
                return False
            take_turn(connection, command_id)
            connection.execute(
                receipts.insert().values(command=command_id, started_at=to_micros(now), result="started", reply="")
            )
        return True

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

    def listed(self, states: Sequence[str] = WAITING, page: Page = FIRST) -> list[StoredCommand]:
        """List a page of the commands in these states, oldest first.

        Raises UnknownPlace where no command has the id that the page begins behind.
        """
        with self._database.reading() as connection:
            rows = [row for state in states for row in _page_of(connection, state, page)]
        rows.sort(key=lambda row: (row["created_at"], row["id"]))
        return [stored for row in rows[: page.limit] if (stored := readable(row)) is not None]

    def retry(self, now: datetime, ids: Sequence[str] = (), by: str = MACHINE) -> list[str]:
        """Put refused and waiting commands back, due now, and return their ids; without `ids`, all refused ones."""
        table = commands
        chosen = table.c.state == "refused"
        if ids:
            chosen = table.c.state.in_(("refused", "queued")) & table.c.id.in_(ids)
        with self._database.writing() as connection:
            chosen_ids = list(connection.execute(select(table.c.id).where(chosen).order_by(table.c.id)).scalars())
            at = to_micros(now)
            back = table.update().where(chosen)
            connection.execute(back.values(state="queued", attempts=0, since=at, next_at=at, settled_at=None))
            if chosen_ids:
                audit.append(connection, Act(now, ActKind.MESSAGES_RETRIED, by, details={"messages": chosen_ids}))
            return chosen_ids


def _page_of(connection: Connection, state: str, page: Page) -> list[Any]:
    """Read a page of the commands in one state: an index has these alone in the order of their age."""
    query = select(commands).where(commands.c.state == state)
    some = paged(connection, query, page, (commands.c.created_at, commands.c.id), latest_first=False)
    return [row._mapping for row in connection.execute(some)]


def messages_of(connection: Connection, incident: str) -> list[StoredCommand]:
    """List the messages about an incident, delivered and dropped ones and joint ones too, oldest first."""
    query = select(commands).where((commands.c.incident == incident) | commands.c.id.in_(letters_about(incident)))
    rows = connection.execute(query.order_by(commands.c.created_at, commands.c.id))
    return [stored for row in rows if (stored := readable(row._mapping)) is not None]


def _is_doubtful(row: Any, now: datetime, longest: Callable[[int], timedelta]) -> bool:
    return bool(row.next_at > to_micros(now + longest(row.attempts)))
