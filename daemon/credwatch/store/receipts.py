"""Keeps what came of each attempt to deliver a command, and stops the clocks that a delivery meets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Index, Select, Table, Text, func, select, text

from credwatch.kernel.canary import CANARY
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import CommandKind
from credwatch.kernel.legible import in_a_log
from credwatch.kernel.moment import Moment
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.ledger.entry import ActKind
from credwatch.store import audit
from credwatch.store.audited import message_act
from credwatch.store.cases.legal_clocks import legal_clocks
from credwatch.store.columns import Number
from credwatch.store.commands import commands
from credwatch.store.database import metadata
from credwatch.store.joined import joined
from credwatch.store.measure_receipts import settle_measure
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.sent_messages import add_sent

receipts = Table(
    "receipts",
    metadata,
    Column("id", Number, primary_key=True),
    Column("command", Text, ForeignKey("commands.id"), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("result", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Index("receipts_command", "command", "result"),
    Index("receipts_begun", "id", sqlite_where=text("result = 'started'")),
)
"""One row for each attempt; `result` is started, delivered, retry, refused, interrupted by a crash,
or told by another way than mail while that was down. Also one for each report of a server after the acceptance:
bounced, delayed, arrived."""


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


def _attempts(connection: Connection, command_id: str) -> int:
    """Count every attempt, those before a person had it tried again among them."""
    return connection.execute(select(func.count()).where(receipts.c.command == command_id)).scalar_one()


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
    if state == "queued":
        return
    message = connection.execute(select(*_ABOUT).where(commands.c.id == command_id)).one()._mapping
    if message["workflow"] == CANARY:
        return  # it tells nobody of anything, so nothing is proved by it
    if message["kind"] == CommandKind.ENFORCE.value:
        stood = isinstance(receipt, Delivered) and receipt.stood and _attempts(connection, command_id) == 1
        before = receipt.before if isinstance(receipt, Delivered) else ""
        settle_measure(connection, message, result, reply, now, stood=stood, before=before)
        return
    if isinstance(receipt, Delivered):
        _meet_clocks(connection, command_id, now)
        add_sent(connection, command_id, message["incident"], receipt.content, receipt.at)
    kind = ActKind.NOTICE_ACCEPTED if isinstance(receipt, Delivered) else ActKind.NOTICE_REFUSED
    audit.append(connection, message_act(kind, message, now, reply=reply))


_ABOUT = tuple(
    commands.c[name] for name in ("id", "kind", "workflow", "incident", "organization", "recipient", "context")
)


def _meet_clocks(connection: Connection, command_id: str, now: datetime) -> None:
    """Stop the clocks of the duties that a message tells, where nothing of them is left to be accepted."""
    for duty in _duties_of(connection, command_id):
        _meet(connection, *duty, now)


def _duties_of(connection: Connection, command_id: str) -> Iterator[tuple[str, str, Select[tuple[str]]]]:
    """Give the duties that a message tells: workflow, customer, and the query for the incidents."""
    for about in (commands, joined):
        is_it = (commands.c.id if about is commands else joined.c.told_by) == command_id
        duty = connection.execute(select(about.c.workflow, about.c.organization).where(is_it)).first()
        if duty is not None:
            yield duty.workflow, duty.organization, select(about.c.incident).where(is_it)


def _meet(
    connection: Connection, workflow: str, organization: str, incidents: Select[tuple[str]], now: datetime
) -> None:
    clock, matter = legal_clocks.c, joined.c
    is_open = commands.c.state.not_in(("delivered", "dropped", "returned"))
    letter = select(commands.c.id).where(
        commands.c.workflow == workflow, commands.c.incident == clock.incident, commands.c.organization == organization
    )
    place = select(matter.id).outerjoin_from(joined, commands, commands.c.id == matter.told_by)
    place = place.where(
        matter.incident == clock.incident, matter.workflow == workflow, matter.organization == organization
    )
    connection.execute(
        legal_clocks.update()
        .where(clock.workflow == workflow, clock.organization == organization, clock.incident.in_(incidents))
        .where(clock.stops == Moment.ACCEPTED.value, clock.met_at.is_(None), ~letter.where(is_open).exists())
        .where(~place.where(is_open | commands.c.id.is_(None)).exists())
        .values(met_at=to_micros(now))
    )


def reopen_clocks(connection: Connection, command_id: str) -> list[str]:
    """Let the clocks run on that an acceptance had met, of all duties that a message tells; return their incidents."""
    return [number for duty in _duties_of(connection, command_id) for number in _reopen(connection, *duty)]


def _reopen(connection: Connection, workflow: str, organization: str, incidents: Select[tuple[str]]) -> list[str]:
    clock = legal_clocks.c
    was_met = (clock.stops == Moment.ACCEPTED.value) & clock.met_at.is_not(None) & clock.waived_at.is_(None)
    of_duty = (clock.workflow == workflow) & (clock.organization == organization) & clock.incident.in_(incidents)
    runs_on = legal_clocks.update().where(of_duty, was_met).values(met_at=None).returning(clock.incident)
    return [*connection.execute(runs_on).scalars()]


def _told(receipt: Receipt) -> tuple[str, str]:
    """Name a receipt's result and its reason; SQLite takes no text with bytes that are no UTF-8."""
    match receipt:
        case Delivered(reply=reply):
            return "delivered", in_a_log(reply)
        case Retry(reason=reason):
            return "retry", in_a_log(reason)
        case Refused(reason=reason):
            return "refused", in_a_log(reason)
