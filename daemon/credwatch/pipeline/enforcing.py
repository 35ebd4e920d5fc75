"""Has the governor decide on what a batch asks for, in the batch's transaction, and moves measures on later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.json import decode, encode
from msgspec.structs import replace
from sqlalchemy import Connection, Update, select

from credwatch.incidents.grouping import key_of
from credwatch.kernel.detection import Detection
from credwatch.kernel.incident import IncidentChange
from credwatch.kernel.measure import Grounds, Measure, MeasureState
from credwatch.ledger.entry import MACHINE, ActKind
from credwatch.store import audit, measures, outbox
from credwatch.store.commands import commands
from credwatch.store.measure_receipts import measure_act
from credwatch.store.moments import to_micros
from credwatch.store.state import progress
from credwatch.workflows.enforcement import carry_out, proposals, take_back
from credwatch.workflows.facts import Facts
from credwatch.workflows.governor import judged, lasting
from credwatch.workflows.measure_letters import HeldMeasures, on_held_measures, on_protected

_STOPPED = "enforcement_stopped"
_HELD = "told_of_held_measures"

Familiar = Callable[[str], int]
"""Tells how many accounts have long logged in from an address, or from a /64."""


class Stop(Struct, frozen=True):
    """That a person has stopped enforcement."""

    by: str
    """A login name."""
    at: datetime
    """When, UTC."""
    why: str
    """The reason."""


def stop_of(connection: Connection) -> Stop | None:
    """Return who has stopped enforcement; None where nobody has."""
    stored = progress.value(connection, _STOPPED)
    return decode(stored, type=Stop) if stored else None


def save_stop(connection: Connection, stop: Stop | None) -> None:
    """Stop enforcement, or have it go on."""
    progress.save_value(connection, _STOPPED, encode(stop) if stop else b"")


def enforce(
    connection: Connection,
    detections: Iterable[Detection],
    changes: Iterable[IncidentChange],
    facts: Facts,
    now: datetime,
    familiar: Familiar,
) -> int:
    """Decide on what detections ask for, and queue what is let go; return how many commands and letters that is."""
    asked = list(_asked(detections, changes, facts, now))
    if not asked:
        return 0
    is_stopped, verdicts, queued = stop_of(connection) is not None, list[Measure](), 0
    for measure, is_history in asked:
        if measures.measure_of(connection, measure.id) or measures.stands(connection, measure):
            continue
        verdict = _verdict(connection, measure, facts, familiar, is_stopped=is_stopped, is_history=is_history)
        measures.save_measures(connection, [verdict], now, facts.enforcement.governor.patience)
        verdicts.append(verdict)
    audit.append(connection, *(measure_act(ActKind.MEASURE_DECIDED, verdict, now) for verdict in verdicts))
    let_go = [verdict for verdict in verdicts if verdict.state is MeasureState.QUEUED]
    queued += outbox.queue(connection, [carry_out(measure, now) for measure in let_go])
    protected = [verdict for verdict in verdicts if verdict.grounds is Grounds.PROTECTED and not verdict.dry]
    queued += outbox.queue(connection, [letter for it in protected for letter in on_protected(it, facts, now)])
    return queued + tell_of_held_measures(connection, facts, now)


def _asked(
    detections: Iterable[Detection], changes: Iterable[IncidentChange], facts: Facts, now: datetime
) -> Iterator[tuple[Measure, bool]]:
    """Give what plans ask for, and whether it rests on history."""
    plans = facts.enforcement.plans
    incidents = {(it.kind, it.organization, it.subject): it for it in (change.incident for change in changes)}
    for detection in detections if plans else ():
        incident = incidents.get(key_of(detection)) if detection.is_consequential else None
        if incident is not None:
            for measure in proposals(detection, incident, plans, now, facts.owner):
                yield measure, detection.history


def _verdict(
    connection: Connection, measure: Measure, facts: Facts, familiar: Familiar, *, is_stopped: bool, is_history: bool
) -> Measure:
    if is_history:
        return replace(measure, state=MeasureState.REFUSED, grounds=Grounds.HISTORY)
    governor, now = facts.enforcement.governor, measure.proposed_at
    if measure.lasts:
        measure = lasting(measure, measures.repeats(connection, measure), governor.longest)
    at_home = familiar(measure.target) if measure.is_on_address else 0
    return judged(measure, governor, measures.usage(connection, measure, now), stopped=is_stopped, at_home=at_home)


def tell_of_held_measures(connection: Connection, facts: Facts, now: datetime) -> int:
    """Tell the operators that measures wait for them: once until none waits; return how many letters were queued."""
    waiting = measures.in_state(connection, MeasureState.HELD)
    stored = progress.value(connection, _HELD)
    before = decode(stored, type=HeldMeasures) if stored else None
    letters, after = on_held_measures(waiting, before, facts, now)
    if after != before:
        progress.save_value(connection, _HELD, encode(after) if after else b"")
    return outbox.queue(connection, letters)


def is_quiet(connection: Connection) -> bool:
    """Say whether nothing is in force or waits, and the operators know of nothing that does: `move_on` has no work."""
    return not measures.counts(connection) and not progress.value(connection, _HELD)


def move_on(connection: Connection, facts: Facts, now: datetime) -> int:
    """Undo what has lasted long enough, let lapse what nobody approved or carried out; return how much was queued."""
    patience, queued = facts.enforcement.governor.patience, 0
    measures.reckon_anew(connection, now, patience)
    for measure in measures.moving(connection, now):
        queued += end(connection, measure, now, patience)
    return queued + tell_of_held_measures(connection, facts, now)


def end(
    connection: Connection, measure: Measure, now: datetime, patience: timedelta, by: str = "", why: str = ""
) -> int:
    """Undo a measure, or let it lapse where it was not carried out; return how many commands were queued.

    What is on its way at this moment is undone once it has arrived. Of what was tried in vain nobody knows whether it
    arrived, so that it is undone too.
    """
    called_off = replace(measure, undone_by=by or MACHINE, undone_why=why or "its time is over")
    tries = 0
    if measure.state in (MeasureState.QUEUED, MeasureState.STOPPED):
        if (dropped := _dropped(connection, measure, now, called_off.undone_why)) is None:
            if by:
                measures.save_measures(connection, [called_off], now, patience)
            return 0
        tries = dropped
    was_done = measure.state in (MeasureState.IN_FORCE, MeasureState.STUCK) or tries > 0
    state = MeasureState.UNDOING if was_done and measure.is_undoable else MeasureState.LAPSED
    ending = replace(called_off, state=state)
    measures.save_measures(connection, [ending], now, patience)
    audit.append(connection, measure_act(ActKind.MEASURE_ENDING, ending, now, ending.undone_by, why))
    return outbox.queue(connection, [take_back(ending, now)]) if state is MeasureState.UNDOING else 0


def _dropped(connection: Connection, measure: Measure, now: datetime, why: str) -> int | None:
    """Drop the command that waits, and return how often it was tried; None where it is under way."""
    table = commands.c
    waiting = (table.id == measure.do_id) & table.state.in_(("queued", "stopped"))
    tries = connection.execute(select(table.attempts).where(waiting)).scalar()
    if tries is None:
        return None
    dropped = commands.update().where(waiting)
    connection.execute(dropped.values(state="dropped", settled_at=to_micros(now), last_reason=why))
    return int(tries)


def stop(connection: Connection, facts: Facts, now: datetime, by: str, why: str) -> int:
    """Stop enforcement: nothing further begins until it is resumed; return how much was on its way.

    What is being undone goes on.
    """
    patience = facts.enforcement.governor.patience
    save_stop(connection, Stop(by, now, why))
    stopped = _turned(connection, measures.in_state(connection, MeasureState.QUEUED), "queued", "stopped", now)
    measures.save_measures(connection, (replace(it, state=MeasureState.STOPPED) for it in stopped), now, patience)
    return len(stopped)


def resume(connection: Connection, facts: Facts, now: datetime) -> int:
    """Have enforcement go on, with what was on its way and is not too old; return how much that is.

    What was decided while it was stopped waits for somebody to approve it.
    """
    patience = facts.enforcement.governor.patience
    save_stop(connection, None)
    resumed = _turned(connection, measures.in_state(connection, MeasureState.STOPPED), "stopped", "queued", now)
    measures.save_measures(connection, (replace(it, state=MeasureState.QUEUED) for it in resumed), now, patience)
    return len(resumed)


def _turned(connection: Connection, some: Iterable[Measure], before: str, after: str, now: datetime) -> list[Measure]:
    """Change the state of the commands of measures, where they stand in the one before; return those measures."""
    turned = []
    for measure in some:
        waiting = commands.update().where(commands.c.id == measure.do_id, commands.c.state == before)
        if connection.execute(waiting.values(state=after, next_at=to_micros(now))).rowcount:
            turned.append(measure)
    return turned


def try_again(command_id: str, now: datetime) -> Update:
    """Have a command that its channel did not take tried once more."""
    at, refused = to_micros(now), (commands.c.id == command_id) & (commands.c.state == "refused")
    return commands.update().where(refused).values(state="queued", attempts=0, since=at, next_at=at, settled_at=None)
