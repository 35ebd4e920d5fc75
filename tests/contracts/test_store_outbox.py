"""The stored queue: once per cause, settled with its clock, put back after a crash."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import event, select

from builders_outbox import NOON, a_command
from credwatch.kernel.command import Command, CommandKind, Precedence
from credwatch.kernel.receipt import Delivered, Refused, Retry
from credwatch.store.cases.legal_clocks import running_clocks, save_clocks
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore, QueueState, delivered_between, queue, queue_state
from credwatch.store.receipts import receipts
from credwatch.workflows.clocks import start

MINUTE = timedelta(minutes=1)
ACCEPTED = Delivered(NOON, "250 ok")


@pytest.fixture
def outbox(database: Database) -> OutboxStore:
    return OutboxStore(database)


def _queue(database: Database, *given: Command) -> int:
    with database.writing() as connection:
        return queue(connection, given)


def _deliver(outbox: OutboxStore, command: Command) -> None:
    outbox.begin(command.id, NOON)
    outbox.settle(command.id, ACCEPTED, NOON, None)


def test_the_same_cause_is_queued_once(database: Database, outbox: OutboxStore) -> None:
    """A command whose id is known changes nothing, whatever else it says."""
    assert 2 == _queue(database, a_command(1), a_command(2))
    assert 1 == _queue(database, a_command(1, recipient="other@x.example"), a_command(3))
    assert ["it@tanphat.example"] * 3 == [item.command.recipient for item in outbox.listed()]


def test_a_command_comes_back_as_it_was(database: Database, outbox: OutboxStore) -> None:
    """Every field survives the store, Vietnamese text and microseconds too."""
    command = replace(a_command(), created_at=NOON + timedelta(microseconds=1))
    _queue(database, command)
    assert [command] == [item.command for item in outbox.listed()]


def test_a_rolled_back_batch_queues_nothing(database: Database, outbox: OutboxStore) -> None:
    """Commands are committed with what caused them or not at all."""

    def fail() -> None:
        with database.writing() as connection:
            queue(connection, [a_command()])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [] == outbox.listed()


def test_the_next_of_a_lane_is_the_oldest_that_is_due_to_a_free_recipient(
    database: Database, outbox: OutboxStore
) -> None:
    """Only what is due by now, the oldest of one customer's duty, passing over recipients in hand."""
    later = a_command(1, created_at=NOON + MINUTE)
    other = a_command(3, recipient="kt@tanphat.example", created_at=NOON + 2 * MINUTE)
    _queue(database, other, later, a_command(2))

    def due(now, limit=10, busy=()):
        return [item.command.id[-1] for item in outbox.due(now, limit, busy)]

    assert ["2"] == due(NOON)
    _deliver(outbox, a_command(2))
    assert [] == due(NOON)
    assert ["1"] == due(NOON + 2 * MINUTE)
    assert ["3"] == due(NOON + 2 * MINUTE, busy=["it@tanphat.example"])


def _order(outbox: OutboxStore) -> list[int]:
    """Deliver everything, one by one, and return the numbers in the order in which they left."""
    order = []
    while found := outbox.due(NOON, 1):
        _deliver(outbox, found[0].command)
        order.append(int(found[0].command.id[3:]))
    return order


def test_law_goes_before_courtesy_before_digest(database: Database, outbox: OutboxStore) -> None:
    """However old what is less urgent is."""
    digest = a_command(1, kind=CommandKind.DIGEST, workflow="digest", precedence=Precedence.DIGEST)
    courtesy = a_command(2, precedence=Precedence.COURTESY)
    _queue(database, digest, courtesy, a_command(3, created_at=NOON), a_command(4, created_at=NOON))
    assert [3, 4, 2, 1] == _order(outbox)


def test_customers_take_turns(database: Database, outbox: OutboxStore) -> None:
    """One message of a third customer leaves third, behind one each of two that have thirty."""
    given = [a_command(number, organization="ab"[number % 2], created_at=NOON - MINUTE) for number in range(60)]
    _queue(database, *given, a_command(99, organization="c"))
    order = _order(outbox)
    assert {0, 1} == {number % 2 for number in order[:2]}
    assert 99 == order[2]


def test_duties_of_one_customer_take_turns(database: Database, outbox: OutboxStore) -> None:
    """A notice of a takeover waits behind one of many notices of disclosure, not behind all."""
    acts = [a_command(number, workflow="disclosure_notice", created_at=NOON - MINUTE) for number in range(20)]
    _queue(database, *acts, a_command(99))
    assert 99 in _order(outbox)[:2]


def test_turns_survive_a_restart(database: Database, outbox: OutboxStore) -> None:
    """Who had the last turn waits, also when another process asks."""
    _queue(database, a_command(1, organization="a"), a_command(2, organization="a"), a_command(3, organization="b"))
    _deliver(outbox, a_command(1, organization="a"))
    assert [a_command(3).id] == [item.command.id for item in OutboxStore(database).due(NOON, 1)]


def test_what_failed_before_waits_behind_what_is_new(database: Database, outbox: OutboxStore) -> None:
    """A hundred retries of one customer's do not hold up its newest notice."""
    retried = [a_command(number, created_at=NOON - MINUTE) for number in range(100)]
    _queue(database, *retried)
    for command in retried:
        outbox.begin(command.id, NOON)
        outbox.settle(command.id, Retry("451 later"), NOON, NOON)
    _queue(database, a_command(555))
    assert 555 == _order(outbox)[0]


def test_a_postponed_command_waits(database: Database, outbox: OutboxStore) -> None:
    """Retry with a moment keeps it queued until then, with reason and count."""
    _queue(database, a_command())
    outbox.begin(a_command().id, NOON)
    outbox.settle(a_command().id, Retry("450 later"), NOON, NOON + MINUTE)
    (item,) = outbox.listed()
    assert ("queued", 1, "450 later", NOON + MINUTE) == (item.state, item.attempts, item.last_reason, item.next_at)
    assert [] == outbox.due(NOON, 10)
    assert NOON + MINUTE == outbox.next_at()


@pytest.mark.parametrize("receipt", [Refused("550 no"), Retry("450 for days")])
def test_a_command_nobody_takes_stays_listed(database: Database, outbox: OutboxStore, receipt) -> None:
    """Refused, or given up: listed with its reason, not due, and the escalation is queued with it."""
    _queue(database, a_command(1))
    outbox.begin(a_command(1).id, NOON)
    outbox.settle(a_command(1).id, receipt, NOON, None, [a_command(2)])
    assert [("refused", receipt.reason), ("queued", "")] == [(item.state, item.last_reason) for item in outbox.listed()]


def test_an_operator_puts_refused_commands_back(database: Database, outbox: OutboxStore) -> None:
    """Without ids all refused ones; with ids those, waiting ones too; attempts and age start again."""
    _queue(database, a_command(1), a_command(2))
    outbox.begin(a_command(1).id, NOON)
    outbox.settle(a_command(1).id, Refused("550"), NOON, None)
    later = NOON + MINUTE
    assert [a_command(1).id] == outbox.retry(later)
    assert [a_command(2).id] == outbox.retry(later, [a_command(2).id, "unknown"])
    assert [(0, later, later)] * 2 == [(item.attempts, item.since, item.next_at) for item in outbox.listed()]


def test_a_crash_between_sending_and_settling_is_put_back(database: Database, outbox: OutboxStore) -> None:
    """What was under way is due again at the next start, and its attempt is marked interrupted."""
    _queue(database, a_command())
    outbox.begin(a_command().id, NOON)
    assert [] == outbox.due(NOON + MINUTE, 10)
    assert 1 == outbox.recover(NOON + MINUTE)
    assert [a_command().id] == [item.command.id for item in outbox.due(NOON + MINUTE, 10)]
    _deliver(outbox, a_command())
    with database.reading() as connection:
        results = connection.execute(select(receipts.c.result, receipts.c.reply).order_by(receipts.c.id)).all()
    assert [("interrupted", ""), ("delivered", "250 ok")] == results


def test_the_last_delivery_stops_the_clock(database: Database, outbox: OutboxStore) -> None:
    """A clock is met when every command of its duty is delivered, not before, and no other clock with it."""
    clock = start("customer_notice", "CW-2026-7KQ2M4", "tanphat", NOON, MINUTE)
    other = start("customer_notice", "CW-2026-7KQ2M4", "acme", NOON, MINUTE)
    first, second = a_command(1), a_command(2, recipient="kt@tanphat.example")
    with database.writing() as connection:
        queue(connection, [first, second])
        save_clocks(connection, [clock, other])

    def running() -> list[str]:
        with database.reading() as connection:
            return [clock.organization for clock in running_clocks(connection)]

    _deliver(outbox, first)
    assert ["acme", "tanphat"] == sorted(running())
    _deliver(outbox, second)
    assert ["acme"] == running()


def test_a_known_clock_keeps_its_time_and_first_mark(database: Database) -> None:
    """Saving a clock again neither moves it nor forgets that the operators were told."""
    clock = start("customer_notice", "CW-1", "tanphat", NOON, MINUTE)
    with database.writing() as connection:
        save_clocks(connection, [clock])
        save_clocks(connection, [replace(clock, due_at=NOON + 9 * MINUTE, escalated_at=NOON + MINUTE)])
        save_clocks(connection, [replace(clock, escalated_at=NOON + 5 * MINUTE)])
        save_clocks(connection, [clock])
        assert [replace(clock, escalated_at=NOON + MINUTE)] == running_clocks(connection)
        save_clocks(connection, [replace(clock, met_at=NOON)])
        assert [] == running_clocks(connection)


def test_the_queue_state_counts(database: Database, outbox: OutboxStore) -> None:
    """Waiting and refused are counted, delivered apart; the oldest waiting one tells the age."""

    def state() -> QueueState:
        with database.reading() as connection:
            return queue_state(connection)

    assert QueueState(0, 0, None) == state()
    _queue(database, *(a_command(number, created_at=NOON + number * MINUTE) for number in range(4)))
    _deliver(outbox, a_command(0))
    outbox.begin(a_command(1).id, NOON)
    outbox.settle(a_command(1).id, Refused("550"), NOON, None)
    outbox.begin(a_command(2).id, NOON)
    assert QueueState(waiting=2, refused=1, oldest=NOON + 2 * MINUTE) == state()
    with database.reading() as connection:
        assert delivered_between(connection, NOON, NOON + MINUTE) == 1
    assert NOON + 3 * MINUTE == outbox.next_at()


def test_an_empty_queue_has_no_next_moment(outbox: OutboxStore) -> None:
    """Nothing queued, nothing due."""
    assert outbox.next_at() is None


def test_thousands_of_clocks_are_saved_within_a_breath(database: Database) -> None:
    """Ten thousand clocks cost a few statements for each hundred, not one each, so that a flood holds up no lines."""
    statements = 0

    def count(*_arguments: object) -> None:
        nonlocal statements
        statements += 1

    clocks = [start("customer_notice", f"CW-{number}", "tanphat", NOON, MINUTE) for number in range(10_000)]
    with database.writing() as connection:
        event.listen(connection, "before_cursor_execute", count)
        save_clocks(connection, clocks)
        event.remove(connection, "before_cursor_execute", count)
        assert statements <= 200
        assert clocks[0] in running_clocks(connection)
