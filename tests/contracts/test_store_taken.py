"""What letters to customers say of measures, from the detection to the undoing; on each database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from builders_measures import HOUR, a_plan, a_takeover, asked, some_governed_facts
from builders_outbox import NOON, an_incident
from credwatch.kernel.command import Command
from credwatch.kernel.incident import ChangeKind, IncidentChange
from credwatch.kernel.measure import MeasureAction
from credwatch.kernel.receipt import Delivered, Refused
from credwatch.pipeline import enforcing
from credwatch.pipeline.news import tell_changes, tell_waiting
from credwatch.store import outbox
from credwatch.store.cases import incidents
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.workflows.decide import react

SECOND = timedelta(seconds=1)
DONE = Delivered(NOON, "200")
TAKEOVER = a_takeover(1)
INCIDENT = an_incident(
    number=f"CW-{TAKEOVER.id}",
    subject=TAKEOVER.subject,
    accounts=TAKEOVER.accounts,
    workflows=("customer_notice",),
)
CHANGE = IncidentChange(ChangeKind.OPENED, INCIDENT, INCIDENT.workflows)


def detect(database: Database, *, dry: bool = False) -> None:
    """Take a takeover up as a batch does: measures first, then the letters."""
    facts = some_governed_facts(a_plan(MeasureAction.LOCK_ACCOUNT, MeasureAction.END_SESSIONS, dry=dry))
    with database.writing() as connection:
        incidents.save_incidents(connection, [INCIDENT])
        asked(connection, [TAKEOVER], facts)
        outbox.queue(connection, react(CHANGE, facts, NOON).commands)
        tell_changes(connection, [CHANGE], facts, NOON)


def letters(database: Database, workflow: str = "customer_notice") -> list[Command]:
    """Return the letters of a workflow that wait."""
    return [it.command for it in OutboxStore(database).listed(("queued",)) if it.command.workflow == workflow]


def told(database: Database, workflow: str = "customer_notice") -> list[tuple[str, str]]:
    """Say what each of two letters tells of measures; both tell the same."""
    one, other = ([_short(entry) for entry in _entries(letter)] for letter in letters(database, workflow))
    assert one == other
    return one


def _entries(letter: Command) -> Any:
    return letter.payload.context.get("taken", [])


def _short(entry: dict[str, str]) -> tuple[str, str]:
    return entry["action"], entry["stage"]


def answer(database: Database, receipt: Delivered | Refused = DONE) -> None:
    """Have the application answer every order, a second after noon."""
    store = OutboxStore(database)
    for order in [it.command.id for it in store.listed(("queued",)) if it.command.workflow == "enforcement"]:
        assert store.begin(order, NOON + SECOND)
        store.settle(order, receipt, NOON + SECOND, None)


def test_a_notice_waits_a_moment_to_say_what_was_done(database: Database) -> None:
    """It does not leave at once; once the application has answered it does, and says done."""
    detect(database)
    assert [("lock_account", "ordered"), ("end_sessions", "ordered")] == told(database)
    store = OutboxStore(database)
    assert {"enforcement"} == {it.command.workflow for it in store.due(NOON, 9)}
    answer(database)
    assert [("lock_account", "done"), ("end_sessions", "done")] == told(database)
    assert 1 == len([it for it in store.due(NOON + SECOND, 9) if it.command.workflow == "customer_notice"])


def test_a_notice_does_not_wait_for_an_application_that_is_away(database: Database) -> None:
    """After three seconds it leaves, and says that the measure was ordered."""
    detect(database)
    due = OutboxStore(database).due(NOON + 3 * SECOND, 9)
    assert 1 == len([it for it in due if it.command.workflow == "customer_notice"])


def test_a_dry_run_is_not_told(database: Database) -> None:
    """The notice says nothing of it, and does not wait."""
    detect(database, dry=True)
    assert [] == told(database)
    assert 1 == len([it for it in OutboxStore(database).due(NOON, 9) if it.command.workflow == "customer_notice"])


def test_a_letter_that_has_left_stays_as_it_was(database: Database) -> None:
    """What a mail server may have seen is not written anew."""
    detect(database)
    sent = letters(database)[0].id
    assert OutboxStore(database).begin(sent, NOON + 3 * SECOND)
    answer(database)
    (sending,) = OutboxStore(database).listed(("sending",))
    assert {("lock_account", "ordered"), ("end_sessions", "ordered")} == {
        _short(entry) for entry in _entries(sending.command)
    }


@pytest.mark.parametrize("by_hand", [True, False])
def test_an_undoing_is_news(database: Database, by_hand: bool) -> None:
    """Once the lock is undone, by a person or because its time is over, the customer is told, once."""
    facts = some_governed_facts()
    detect(database)
    answer(database)
    at = NOON + 2 * HOUR
    with database.writing() as connection:
        if by_hand:
            (lock,) = enforcing.measures.listed(connection, [enforcing.MeasureState.IN_FORCE], 9)
            enforcing.end(connection, lock, at, HOUR, "mai", "a mistake")
        enforcing.move_on(connection, facts, at)
        assert 0 == tell_waiting(connection, facts, at), "it is not undone yet"
    answer(database)
    for queued in (2, 0):
        with database.writing() as connection:
            assert queued == tell_waiting(connection, facts, at + SECOND)
    assert [("lock_account", "undone"), ("end_sessions", "done")] == told(database, "customer_news")


def test_a_measure_that_fails_is_news(database: Database) -> None:
    """What was told as ordered and was not carried out is told as failed."""
    detect(database)
    for letter in letters(database):
        assert OutboxStore(database).begin(letter.id, NOON + SECOND)
    answer(database, Refused("400"))
    with database.writing() as connection:
        assert 2 == tell_waiting(connection, some_governed_facts(), NOON + HOUR)
    assert {"failed"} == {stage for _, stage in told(database, "customer_news")}


def test_a_joint_letter_says_it_for_each_incident(database: Database) -> None:
    """What joins is told with what was done about each of the incidents."""
    detect(database)
    (notice, _) = letters(database)
    matter = {"number": INCIDENT.number, "accounts": {"first": [*TAKEOVER.accounts], "more": 0}}
    context = {"matters": [matter, {"number": "CW-2026-OTHER"}]}
    joint = replace(
        notice, id="joint", workflow="customer_joint", payload=replace(notice.payload, context=context), incident="x"
    )
    with database.writing() as connection:
        outbox.queue(connection, [joint])
    (queued,) = letters(database, "customer_joint")
    first, other = queued.payload.context["matters"]  # type: ignore[misc]  # JSON
    assert ["lock_account", "end_sessions"] == [entry["action"] for entry in first["taken"]]  # type: ignore[index]
    assert "taken" not in other
