"""Measures in the store: decided once per cause within the caps, carried out, undone, stopped; on each database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from builders_measures import HOUR, a_guessing, a_plan, a_takeover, asked, some_governed_facts
from builders_outbox import NOON
from credwatch.kernel.detection import Detection
from credwatch.kernel.measure import Grounds, Measure, MeasureAction, MeasureState
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.pipeline import enforcing
from credwatch.store import measures
from credwatch.store.audit import audit_entries
from credwatch.store.commands import StoredCommand, commands
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.workflows.facts import Facts
from credwatch.workflows.governor import MeasureCaps

MINUTE = timedelta(minutes=1)
DONE = Delivered(NOON, "200")
BAN = a_plan(MeasureAction.BAN_ADDRESS, name="guessing", incidents=("brute_force",), channel="firewall")


def ask(
    database: Database, detections: Iterable[Detection], facts: Facts, now: datetime = NOON, at_home: int = 0
) -> None:
    with database.writing() as connection:
        asked(connection, detections, facts, now, at_home)


def all_measures(database: Database, *states: MeasureState) -> list[Measure]:
    with database.reading() as connection:
        return measures.in_state(connection, *(states or MeasureState))


def states(database: Database) -> list[MeasureState]:
    return [measure.state for measure in all_measures(database)]


def orders(database: Database, *states: str) -> list[StoredCommand]:
    some = OutboxStore(database).listed(states or ("queued",))
    return [stored for stored in some if stored.command.workflow == "enforcement"]


def letters(database: Database) -> list[str]:
    with database.reading() as connection:
        query = select(commands.c.context).where(commands.c.workflow == "escalation")
        return list(connection.execute(query).scalars())


def answer(database: Database, command: str, receipt: Receipt, now: datetime, next_at: datetime | None = None) -> None:
    """Make one attempt to deliver a command, and settle it."""
    outbox = OutboxStore(database)
    assert outbox.begin(command, now)
    outbox.settle(command, receipt, now, next_at)


def move_on(database: Database, facts: Facts, now: datetime) -> None:
    with database.writing() as connection:
        enforcing.move_on(connection, facts, now)


def test_the_same_cause_is_one_measure(database: Database) -> None:
    """A batch that is taken again asks for nothing new, and queues nothing twice."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1)], facts)
    ask(database, [a_takeover(1)], facts, NOON + 2 * HOUR)
    assert [MeasureState.QUEUED] == states(database)
    assert 1 == len(orders(database))


def test_what_is_in_force_is_not_done_again(database: Database) -> None:
    """Another detection about an account that is locked locks nothing anew."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1)], facts)
    ask(database, [a_takeover(1, id="d-other")], facts, NOON + MINUTE)
    assert 1 == len(all_measures(database))


def test_a_measure_lives_from_the_order_to_its_undoing(database: Database) -> None:
    """It is queued, done by its channel, lasts from then on, is undone by a command of its own, and all is audited."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1)], facts)
    (order,) = orders(database)
    answer(database, order.command.id, DONE, NOON + MINUTE)
    (measure,) = all_measures(database)
    assert (MeasureState.IN_FORCE, NOON + MINUTE + HOUR) == (measure.state, measure.until)
    move_on(database, facts, NOON + HOUR)
    assert [] == orders(database)
    move_on(database, facts, NOON + MINUTE + HOUR)
    move_on(database, facts, NOON + MINUTE + HOUR)
    (undo,) = orders(database)
    assert (measure.undo_id, True) == (undo.command.id, undo.command.payload.context["undo"])
    answer(database, undo.command.id, DONE, NOON + 2 * HOUR)
    (measure,) = all_measures(database)
    assert (MeasureState.UNDONE, NOON + 2 * HOUR, "credwatch") == (
        measure.state,
        measure.undone_at,
        measure.undone_by,
    )
    with database.reading() as connection:
        query = select(audit_entries.c.kind).where(audit_entries.c.kind.like("measure%"))
        kinds = [*connection.execute(query.order_by(audit_entries.c.position)).scalars()]
    assert ["measure_decided", "measure_done", "measure_ending", "measure_undone"] == kinds


def test_each_repetition_lasts_twice_as_long(database: Database) -> None:
    """The second ban of an address lasts two hours, the third four, and none longer than the longest."""
    facts, lasts = some_governed_facts(BAN, longest=3 * HOUR), []
    for turn in range(4):
        now = NOON + timedelta(days=turn)
        ask(database, [a_guessing("198.51.100.7", id=f"d-{turn}")], facts, now)
        (order,) = orders(database)
        answer(database, order.command.id, DONE, now)
        lasts.append(int(str(order.command.payload.context["lasts_seconds"])) // 3600)
        move_on(database, facts, now + 5 * HOUR)
        (undo,) = orders(database)
        answer(database, undo.command.id, DONE, now + 5 * HOUR)
    assert [1, 2, 3, 3] == lasts


def test_a_rule_that_matches_everybody_stops_at_the_cap(database: Database) -> None:
    """Of eighty accounts at once two are locked, the others wait for people, and one letter tells of them."""
    facts = some_governed_facts(caps=MeasureCaps(accounts=2, accounts_of_customer=2))
    ask(database, [a_takeover(n) for n in range(50)], facts)
    ask(database, [a_takeover(n) for n in range(50, 80)], facts, NOON + MINUTE)
    assert 2 == len(orders(database))
    held = all_measures(database, MeasureState.HELD)
    assert (78, {Grounds.OVER_CAP}) == (len(held), {measure.grounds for measure in held})
    (letter,) = letters(database)
    assert '"measures": 78' in letter


def test_one_customer_does_not_use_up_the_share_of_another(database: Database) -> None:
    """Each customer has a cap of its own within that of all."""
    facts = some_governed_facts(caps=MeasureCaps(accounts=3, accounts_of_customer=1))
    ask(database, [a_takeover(1), a_takeover(2), a_takeover(1, "acme")], facts)
    organizations = [stored.command.organization for stored in orders(database)]
    assert ["acme", "tanphat"] == sorted(organizations)
    (held,) = all_measures(database, MeasureState.HELD)
    assert Grounds.OVER_CUSTOMER_CAP == held.grounds


def test_the_cap_is_free_again_after_an_hour(database: Database) -> None:
    """What was let go an hour ago counts no longer."""
    facts = some_governed_facts(caps=MeasureCaps(accounts=1, accounts_of_customer=1))
    ask(database, [a_takeover(1)], facts)
    ask(database, [a_takeover(2)], facts, NOON + 59 * MINUTE)
    ask(database, [a_takeover(3)], facts, NOON + 60 * MINUTE)
    assert ["held", "queued", "queued"] == sorted(states(database))


def test_a_dry_run_is_recorded_and_does_nothing(database: Database) -> None:
    """It says what would be done, what would be held, and uses up no cap of what is done."""
    caps = MeasureCaps(accounts=1, accounts_of_customer=1)
    dry = some_governed_facts(a_plan(dry=True), caps=caps)
    ask(database, [a_takeover(1), a_takeover(2)], dry)
    ask(database, [a_takeover(1, id="d-other")], dry)
    assert [] == orders(database)
    assert [] == letters(database)
    assert [(MeasureState.DRY, Grounds.WITHIN_CAPS), (MeasureState.DRY, Grounds.OVER_CAP)] == sorted(
        ((measure.state, measure.grounds) for measure in all_measures(database)),
        key=lambda pair: pair[1] != "within_caps",
    )
    ask(database, [a_takeover(3)], some_governed_facts(caps=caps))
    assert 1 == len(orders(database))


def test_what_is_never_touched_is_refused_and_told_once(database: Database) -> None:
    """A protected account is not locked, and the operators hear of the attempt once for an incident."""
    facts = some_governed_facts(protector=lambda _target: "operators.addresses")
    ask(database, [a_takeover(1)], facts)
    ask(database, [a_takeover(1, id="d-other")], facts, NOON + MINUTE)
    (measure,) = all_measures(database)
    assert (MeasureState.REFUSED, Grounds.PROTECTED, "operators.addresses") == (
        measure.state,
        measure.grounds,
        measure.note,
    )
    assert [] == orders(database)
    assert 1 == len(letters(database))


@pytest.mark.parametrize(
    ("kind", "grounds"),
    [("private", Grounds.PRIVATE), ("egress", Grounds.SHARED), ("mobile", Grounds.SHARED), ("own", Grounds.SHARED)],
)
def test_an_address_that_many_share_is_not_banned(database: Database, kind: str, grounds: Grounds) -> None:
    """Behind a proxy, an office or a carrier's NAT a ban would lock everybody out."""
    ask(database, [a_guessing("198.51.100.7")], some_governed_facts(BAN, network=lambda _address: kind))
    (measure,) = all_measures(database)
    assert (MeasureState.REFUSED, grounds) == (measure.state, measure.grounds)


def test_where_somebody_is_at_home_a_person_decides(database: Database) -> None:
    """One bad device does not lock out whoever has long logged in from the same address."""
    facts = some_governed_facts(BAN)
    ask(database, [a_guessing("198.51.100.7")], facts, at_home=2)
    (measure,) = all_measures(database)
    assert (MeasureState.HELD, Grounds.FAMILIAR, "2 accounts") == (measure.state, measure.grounds, measure.note)


def test_what_strangers_typed_locks_nobody_out(database: Database) -> None:
    """Guesses at an account end no session of its owner; a further factor may be asked for."""
    plan = a_plan(MeasureAction.LOCK_ACCOUNT, MeasureAction.REQUIRE_STEP_UP, incidents=("brute_force",))
    ask(database, [a_guessing("x", subject="lan@tanphat.example")], some_governed_facts(plan))
    assert [Grounds.NO_ACT, Grounds.WITHIN_CAPS] == sorted(measure.grounds for measure in all_measures(database))


def test_history_is_no_reason_to_act(database: Database) -> None:
    """What was read long after it happened is noted, and nothing is done."""
    ask(database, [a_takeover(1, history=True)], some_governed_facts())
    assert [Grounds.HISTORY] == [measure.grounds for measure in all_measures(database)]


def test_an_order_that_is_late_lapses(database: Database) -> None:
    """A channel that was away for as long as the lock would have lasted is told nothing any more."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1)], facts)
    move_on(database, facts, NOON + HOUR)
    assert [MeasureState.LAPSED] == states(database)
    assert [] == orders(database)
    (dropped,) = orders(database, "dropped")
    assert not OutboxStore(database).begin(dropped.command.id, NOON + HOUR)


def test_what_may_have_arrived_is_undone(database: Database) -> None:
    """After an attempt of which nobody knows what came, the lapse undoes the measure too."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1)], facts)
    (order,) = orders(database)
    answer(database, order.command.id, Retry("it timed out"), NOON, NOON + MINUTE)
    move_on(database, facts, NOON + HOUR)
    assert [MeasureState.UNDOING] == states(database)
    assert [True] == [stored.command.payload.context["undo"] for stored in orders(database)]


def test_what_is_under_way_does_not_lapse(database: Database) -> None:
    """The answer of an attempt that is under way comes first; then the measure is over at once."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1)], facts)
    (order,) = orders(database)
    outbox = OutboxStore(database)
    outbox.begin(order.command.id, NOON)
    move_on(database, facts, NOON + HOUR)
    assert [MeasureState.QUEUED] == states(database)
    outbox.settle(order.command.id, DONE, NOON + HOUR, None)
    assert [MeasureState.IN_FORCE] == states(database)


def test_what_stood_so_before_is_not_undone(database: Database) -> None:
    """An account that stands locked at the first attempt was locked by somebody else: nothing is undone later."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1)], facts)
    (order,) = orders(database)
    answer(database, order.command.id, replace(DONE, stood=True), NOON)
    move_on(database, facts, NOON + 2 * HOUR)
    assert [MeasureState.DONE] == states(database)
    assert [] == orders(database)


def test_what_an_earlier_attempt_may_have_done_is_undone(database: Database) -> None:
    """Where an attempt has failed before, what stands so may be its work, whose answer was lost."""
    ask(database, [a_takeover(1)], some_governed_facts())
    (order,) = orders(database)
    answer(database, order.command.id, Retry("no answer"), NOON, NOON + MINUTE)
    answer(database, order.command.id, replace(DONE, stood=True), NOON + MINUTE)
    assert [MeasureState.IN_FORCE] == states(database)


def test_an_undoing_is_told_what_stood_before(database: Database) -> None:
    """What the channel found in the place of what it has put there goes with the undoing, and with no other order."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1), a_takeover(2)], facts)
    first, second = orders(database)
    answer(database, first.command.id, replace(DONE, before="20260302075900Z"), NOON)
    answer(database, second.command.id, DONE, NOON)
    move_on(database, facts, NOON + HOUR)
    undoings = {order.command.payload.context["target"]: order.command.payload.context for order in orders(database)}
    told = [undoings[first.command.payload.context["target"]], undoings[second.command.payload.context["target"]]]
    assert ["20260302075900Z", None] == [facts.get("before") for facts in told]


def test_a_refusal_is_an_end(database: Database) -> None:
    """A measure that its channel refuses has failed; an undoing that it refuses is left to a person."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1), a_takeover(2)], facts)
    first, second = orders(database)
    answer(database, first.command.id, Refused("404"), NOON)
    answer(database, second.command.id, DONE, NOON)
    move_on(database, facts, NOON + HOUR)
    (undo,) = orders(database)
    answer(database, undo.command.id, Refused("422"), NOON + HOUR)
    assert [MeasureState.FAILED, MeasureState.STUCK] == sorted(states(database))


def test_a_clock_that_is_set_back_makes_no_measure_longer(database: Database) -> None:
    """What a clock that was a day ahead has written ends an hour from now, and not in a day and an hour."""
    facts = some_governed_facts()
    ahead = NOON + timedelta(days=1)
    ask(database, [a_takeover(1)], facts, ahead)
    (order,) = orders(database)
    answer(database, order.command.id, DONE, ahead)
    move_on(database, facts, NOON)
    (measure,) = all_measures(database)
    assert NOON + HOUR == measure.until


def test_the_kill_switch_stops_what_is_on_its_way(database: Database) -> None:
    """Stopped, nothing begins, what is asked for waits, undoing goes on; resumed, what was on its way goes on."""
    facts = some_governed_facts()
    ask(database, [a_takeover(1), a_takeover(2)], facts)
    done, waiting = orders(database)
    answer(database, done.command.id, DONE, NOON)
    with database.writing() as connection:
        assert 1 == enforcing.stop(connection, facts, NOON, "mai", "a rule is mistaken")
    assert not OutboxStore(database).begin(waiting.command.id, NOON)
    ask(database, [a_takeover(3)], facts, NOON + MINUTE)
    (held,) = all_measures(database, MeasureState.HELD)
    assert Grounds.STOPPED == held.grounds
    with database.writing() as connection:
        assert 1 == enforcing.resume(connection, facts, NOON + MINUTE)
    assert [waiting.command.id] == [stored.command.id for stored in orders(database)]
    with database.writing() as connection:
        enforcing.stop(connection, facts, NOON + MINUTE, "mai", "again")
    move_on(database, facts, NOON + HOUR)
    assert [True] == [stored.command.payload.context["undo"] for stored in orders(database)]
