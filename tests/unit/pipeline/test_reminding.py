"""What nobody has answered is told to the operators once a period and stands in the case, whatever dies in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, a_command, an_incident, some_facts
from credwatch.incidents.lifecycle import moved
from credwatch.kernel.case_entry import Answer, CaseEntry, EntryKind, Statement
from credwatch.kernel.command import Command
from credwatch.kernel.incident import Incident, Status
from credwatch.kernel.receipt import Delivered
from credwatch.pipeline.reminding import remind_of_unanswered
from credwatch.store import outbox
from credwatch.store.cases import case_entries, incidents
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.store.receipts import settle
from credwatch.workflows.facts import Facts
from scenarios.pipeline import a_store

HOUR = timedelta(hours=1)
CASE = an_incident(organizations=("tanphat", "acme"))


def facts_with(*reserve: str) -> Facts:
    """Give the customers the addresses that their notices went to, and one of them others in reserve."""
    facts = some_facts()
    tanphat = replace(facts.recipients["tanphat"], addresses=("it@tanphat.example",), reserve=reserve)
    acme = replace(facts.recipients["acme"], addresses=("sec@acme.example",))
    return replace(facts, recipients={"tanphat": tanphat, "acme": acme})


class Desk:
    """A store with a case of two customers who were both sent the notice at noon."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.save(CASE)
        self.deliver(a_command(1))
        self.deliver(a_command(2, organization="acme", recipient="sec@acme.example"))

    def save(self, incident: Incident) -> None:
        """Store an incident."""
        with self.database.writing() as connection:
            incidents.save_incidents(connection, [incident])

    def deliver(self, command: Command) -> None:
        """Queue a letter that is accepted at once."""
        with self.database.writing() as connection:
            outbox.queue(connection, [command])
            settle(connection, command.id, Delivered(NOON, "250 ok"), NOON, None)

    def answer(self, customer: str, number: str = CASE.number) -> None:
        """Record what a customer said."""
        said = Answer(Statement.OURS)
        entry = CaseEntry(number, NOON + HOUR, EntryKind.ANSWERED, "lan", answer=said, customer=customer)
        with self.database.writing() as connection:
            case_entries.add_entry(connection, entry)

    def remind(self, now: datetime, *reserve: str) -> int:
        """Do what the timetable does; a customer has reserve addresses beside those that the notice went to."""
        with self.database.writing() as connection:
            return remind_of_unanswered(connection, facts_with(*reserve), now)

    def sent_on_to(self) -> list[str]:
        """Return the addresses that the customer's letters went on to."""
        stored = outbox.OutboxStore(self.database).listed(EVERY)
        notices = [one.command for one in stored if one.command.workflow == "customer_notice"]
        return sorted(one.recipient for one in notices if one.id not in {a_command(1).id, a_command(2).id})

    def waited_for(self) -> list[str]:
        """Return the customers of the reminders that stand in the case, in order."""
        with self.database.reading() as connection:
            entries = case_entries.entries_of(connection, CASE.number)
        return [entry.customer for entry in entries if entry.kind is EntryKind.REMINDED]

    def letters(self) -> list[Command]:
        """Return the letters to the operators."""
        stored = outbox.OutboxStore(self.database).listed(EVERY)
        return [one.command for one in stored if one.command.payload.context.get("reason") == "unanswered"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Make the store."""
    with a_store(tmp_path / "store.sqlite") as database:
        yield Desk(database)


def test_each_period_is_told_once(desk: Desk) -> None:
    """Nobody hears before a day is over, then once a day, however often it is looked; each stands in the case."""
    assert 0 == desk.remind(NOON + 23 * HOUR)
    for hours in (24, 24, 25, 47):
        desk.remind(NOON + hours * HOUR)
    assert (1, ["acme", "tanphat"]) == (len(desk.letters()), sorted(desk.waited_for()))
    desk.remind(NOON + 49 * HOUR)
    assert (2, 4) == (len(desk.letters()), len(desk.waited_for()))


def test_an_answer_ends_it_for_who_answers(desk: Desk) -> None:
    """Of several customers each is waited for by itself; an answer that names none is everybody's."""
    desk.answer("tanphat")
    desk.remind(NOON + 24 * HOUR)
    assert ["acme"] == desk.waited_for()
    desk.answer("")
    assert 0 == desk.remind(NOON + 99 * HOUR)


def test_what_is_closed_is_not_waited_for(desk: Desk) -> None:
    """Closed, nobody is reminded; reopened, the operators are again."""
    closed = moved(CASE, Status.CLOSED, at=NOON, by="lan", why="done")
    desk.save(closed)
    assert 0 == desk.remind(NOON + 24 * HOUR)
    desk.save(moved(closed, Status.IN_PROGRESS, at=NOON, by="lan", why="again"))
    assert 1 == desk.remind(NOON + 24 * HOUR)


def test_only_what_was_accepted_is_waited_for(desk: Desk) -> None:
    """A notice that waits for its mail server, or of a kind that asks for nothing, has no answer to come."""
    desk.answer("")
    other = an_incident(number="CW-OTHER", subject="mai")
    desk.save(other)
    with desk.database.writing() as connection:
        outbox.queue(connection, [a_command(3, incident=other.number)])
    desk.deliver(a_command(4, incident=other.number, workflow="disclosure_notice"))
    assert 0 == desk.remind(NOON + 99 * HOUR)


def test_a_crash_leaves_both_or_neither(desk: Desk) -> None:
    """Where the transaction is lost, the next look does all of it: one letter and one entry for each customer."""

    class Killed(Exception):
        """The daemon dies."""

    with suppress(Killed), desk.database.writing() as connection:
        assert 1 == remind_of_unanswered(connection, facts_with(), NOON + 24 * HOUR)
        raise Killed
    assert ([], []) == (desk.letters(), desk.waited_for())
    desk.remind(NOON + 24 * HOUR + timedelta(seconds=30))
    assert (1, 2) == (len(desk.letters()), len(desk.waited_for()))


def test_a_reminder_is_no_work(desk: Desk) -> None:
    """A case that only credwatch writes in is as forgotten as before; the letters have ids of their own."""
    desk.remind(NOON + 24 * HOUR)
    with desk.database.reading() as connection:
        touched = connection.exec_driver_sql("SELECT touched FROM incidents").scalar_one()
        assert touched == connection.exec_driver_sql("SELECT detected FROM incidents").scalar_one()
    desk.remind(NOON + 48 * HOUR)
    assert 2 == len({letter.id for letter in desk.letters()})
    assert replace(desk.letters()[0], id="") != replace(desk.letters()[1], id="")


def test_what_nobody_answers_goes_to_the_next_address_first(desk: Desk) -> None:
    """A day later it goes on; after two the operators call, though an address is left, and that one is written to."""
    desk.answer("acme")
    for hours, addresses, calls in (
        (24, ["a@tanphat.example"], 0),
        (25, ["a@tanphat.example"], 0),
        (48, ["a@tanphat.example", "b@tanphat.example"], 1),
        (72, ["a@tanphat.example", "b@tanphat.example"], 2),
    ):
        desk.remind(NOON + hours * HOUR, "a@tanphat.example", "b@tanphat.example")
        assert (addresses, calls) == (desk.sent_on_to(), len(desk.letters()))
    with desk.database.reading() as connection:
        entries = case_entries.entries_of(connection, CASE.number)
    texts = [entry.text for entry in entries if entry.kind is EntryKind.REMINDED]
    assert [text.partition("goes on to ")[2] for text in texts] == ["a@tanphat.example", "b@tanphat.example", ""]


def test_many_unanswered_letters_are_no_flood(desk: Desk) -> None:
    """Five of them go on, and of the others the operators hear in one letter."""
    desk.answer("")
    for at in range(10, 17):
        other = an_incident(number=f"CW-{at}", subject=f"mai{at}")
        desk.save(other)
        desk.deliver(a_command(at, incident=other.number))
    desk.remind(NOON + 24 * HOUR, "a@tanphat.example")
    assert 5 == desk.sent_on_to().count("a@tanphat.example")
    (letter,) = desk.letters()
    assert 2 == letter.payload.context["unanswered"]["count"]
