"""What a measure comes to once its channel has answered: in the transaction that settles the command."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.kernel.measure import Measure, MeasureState
from credwatch.ledger.entry import MACHINE, Act, ActKind
from credwatch.store import audit
from credwatch.store.measures import measure_of, save_measures
from credwatch.store.taken import renew


def settle_measure(
    connection: Connection,
    message: Any,
    result: str,
    reply: str,
    now: datetime,
    *,
    stood: bool = False,
    before: str = "",
) -> None:
    """Note what the channel's last word makes of a measure; `result` is delivered, or else no.

    Its time begins once it is done. What a person called off while it was on its way is undone at once. What `stood`
    so before the first attempt is not ours to undo: an account that its owner's company had locked stays locked.
    Its undoing is told what stood `before`.
    """
    order = json.loads(message["context"])
    measure = measure_of(connection, str(order["measure"]))
    if measure is None:
        return  # its incident was deleted
    is_done = result == "delivered"
    settled = _undone(measure, is_done, now) if order["undo"] else _done(measure, is_done, stood, now)
    settled = replace(settled, reply=reply, before=before or settled.before)
    save_measures(connection, [settled], now)
    renew(connection, settled, now)
    kind = ActKind.MEASURE_UNDONE if order["undo"] else ActKind.MEASURE_DONE
    kind = kind if is_done else ActKind.MEASURE_FAILED
    audit.append(connection, measure_act(kind, settled, now, reply=reply))


def _done(measure: Measure, is_done: bool, stood: bool, now: datetime) -> Measure:
    if not is_done:
        return replace(measure, state=MeasureState.FAILED)
    if stood or not measure.is_undoable:
        return replace(measure, state=MeasureState.DONE, done_at=now, until=None)
    until = now if measure.undone_by else now + measure.lasts
    return replace(measure, state=MeasureState.IN_FORCE, done_at=now, until=until)


def _undone(measure: Measure, is_done: bool, now: datetime) -> Measure:
    if not is_done:
        return replace(measure, state=MeasureState.STUCK)
    return replace(measure, state=MeasureState.UNDONE, undone_at=now)


def measure_act(
    kind: ActKind, measure: Measure, at: datetime, by: str = MACHINE, why: str = "", **details: object
) -> Act:
    """Say what became of a measure; what would have been done, and what protects a target, no customer reads."""
    about: dict[str, object] = {
        "measure": measure.id,
        "action": measure.action.value,
        "target": measure.target,
        "channel": measure.channel,
        "state": measure.state.value,
        "grounds": measure.grounds.value,
    }
    unshared: dict[str, object] = {"words": why} if why else {}
    if measure.note:
        unshared["note"] = measure.note
    is_theirs = measure.organization and not measure.dry and measure.acted_at is not None
    customers = (measure.organization,) if is_theirs else ()
    return Act(at, kind, by, measure.incident, customers, about | details, unshared)
