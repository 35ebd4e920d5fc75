"""Keeps what servers report of messages after they had been accepted: they came back, are delayed, or arrived."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from credwatch.kernel.canary import CANARY
from credwatch.kernel.legible import in_a_log
from credwatch.ledger.entry import ActKind
from credwatch.store import audit
from credwatch.store.audited import message_act
from credwatch.store.commands import StoredCommand, commands, readable
from credwatch.store.moments import to_micros
from credwatch.store.receipts import receipts, reopen_clocks


def message_named(connection: Connection, id_: str) -> StoredCommand | None:
    """Return a message by its id; None where there is none that can be read."""
    row = connection.execute(select(commands).where(commands.c.id == id_)).first()
    return None if row is None else readable(row._mapping)


def accepted_letter(connection: Connection, workflow: str, incident: str, organization: str) -> StoredCommand | None:
    """Return the latest letter of a duty that a mail server took; None where there is none that can be read."""
    table = commands.c
    is_one = (table.workflow == workflow) & (table.incident == incident) & (table.organization == organization)
    query = select(commands).where(is_one, table.state == "delivered").order_by(table.settled_at.desc(), table.id)
    row = connection.execute(query.limit(1)).first()
    return None if row is None else readable(row._mapping)


def note_report(connection: Connection, id_: str, result: str, reply: str, now: datetime) -> None:
    """Keep what a server reports of a message as a receipt: bounced, delayed or arrived."""
    at, words = to_micros(now), in_a_log(reply)
    row = {"command": id_, "started_at": at, "settled_at": at, "result": result, "reply": words}
    connection.execute(receipts.insert().values(row))
    is_accepted = (commands.c.id == id_) & (commands.c.state == "delivered")
    connection.execute(commands.update().where(is_accepted).values(last_reason=in_a_log(f"{result}: {reply}")))


def take_back_acceptance(
    connection: Connection, id_: str, reply: str, now: datetime, *, goes_elsewhere: bool
) -> list[str]:
    """Say of a message that was accepted that it came back, and let the clocks run on that it had met.

    Where another takes its place, it is `returned`, and that one must be accepted instead. Else it is refused, as if
    the server had said so at once. Returns the incidents whose clocks run again.
    """
    state, reason = "returned" if goes_elsewhere else "refused", in_a_log(f"bounced: {reply}")
    changed = {"state": state, "last_reason": reason, "settled_at": to_micros(now)}
    connection.execute(commands.update().where(commands.c.id == id_).values(changed))
    message = connection.execute(select(commands).where(commands.c.id == id_)).one()._mapping
    if message["workflow"] == CANARY:
        return []
    numbers = reopen_clocks(connection, id_)
    audit.append(connection, message_act(ActKind.NOTICE_RETURNED, message, now, reply=reason))
    return numbers


def readers_of(connection: Connection, message: StoredCommand) -> frozenset[str]:
    """Return, in small letters, all whom the letter of a message was written to, whatever came of it."""
    about, table = message.command, commands.c
    same = (table.workflow == about.workflow) & (table.incident == about.incident)
    query = select(table.recipient).where(same, table.organization == about.organization)
    return frozenset(recipient.casefold() for recipient in connection.execute(query).scalars())
