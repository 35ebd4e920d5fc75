"""Reminders climb from the user to the manager to the customer's contacts, each once, within a bound."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, some_facts
from credwatch.kernel.account_finding import AccountFinding, FindingKey
from credwatch.workflows.account_reminder import DueReminder, Rung, SentRungs, due_reminder, reminder_letters
from credwatch.world.people import People, Person
from credwatch.world.register import Registers
from credwatch.world.staff import Staff, StaffMember
from credwatch.world.users import User

DAY = timedelta(days=1)
LADDER = {Rung.USER: 3 * DAY, Rung.MANAGER: 10 * DAY, Rung.CONTACT: 17 * DAY}
LAN, BOSS, CONTACTS = "lan@tanphat.example", "boss@tanphat.example", ("it@tanphat.example", "kt@tanphat.example")
FACTS = some_facts(person_of=lambda account: Person(account, BOSS))


def a_finding(user: str = LAN, age: timedelta = 30 * DAY, customer: str = "tanphat") -> AccountFinding:
    """Build a finding that was first seen so long before noon."""
    key = FindingKey("idp", customer, user, "no_second_factor")
    return AccountFinding(key, "no second factor", NOON - age, is_told=True)


def due(age: timedelta, sent: SentRungs | None = None, facts: object = FACTS) -> tuple[Rung, tuple[str, ...]] | None:
    """Say who is due at noon."""
    reminder = due_reminder(a_finding(age=age), LADDER, sent or {}, facts, NOON)  # type: ignore[arg-type]
    return None if reminder is None else (reminder.rung, reminder.recipients)


@pytest.mark.parametrize(("age", "rung"), [(2, None), (3, Rung.USER), (30, Rung.USER)])
def test_the_first_rung_comes_first_however_old_it_is(age: int, rung: Rung | None) -> None:
    """Nobody is reminded before the time; then the user is, though all rungs may be due."""
    assert (None if rung is None else (rung, (LAN,))) == due(age * DAY)


def test_the_next_rung_waits_from_the_one_before() -> None:
    """The manager is due seven days behind the user's reminder, the contacts seven behind the manager's."""
    user = {Rung.USER: {LAN: NOON - 6 * DAY}}
    assert due(30 * DAY, user) is None
    user = {Rung.USER: {LAN: NOON - 7 * DAY}}
    assert (Rung.MANAGER, (BOSS,)) == due(30 * DAY, user)
    manager = {**user, Rung.MANAGER: {BOSS: NOON - 7 * DAY}}
    assert (Rung.CONTACT, CONTACTS) == due(30 * DAY, manager)
    assert due(99 * DAY, {**manager, Rung.CONTACT: dict.fromkeys(CONTACTS, NOON)}) is None, "there is no further rung"


def test_a_contact_that_was_left_out_is_reminded_next() -> None:
    """Where the bound of the day let one of two letters leave, the other is due still."""
    sent = {Rung.USER: {LAN: NOON - 9 * DAY}, Rung.MANAGER: {BOSS: NOON - 8 * DAY}, Rung.CONTACT: {CONTACTS[0]: NOON}}
    assert (Rung.CONTACT, CONTACTS[1:]) == due(30 * DAY, sent)


def test_a_rung_that_nobody_knows_is_passed_over() -> None:
    """Without user and manager the contacts are reminded, at their own time; of one's own accounts the operators."""
    nobody = some_facts()
    assert due(16 * DAY, facts=nobody) is None
    assert (Rung.CONTACT, CONTACTS) == due(17 * DAY, facts=nobody)
    own = due_reminder(a_finding(customer=""), LADDER, {}, nobody, NOON)
    assert own is not None
    assert nobody.operators.addresses == own.recipients
    assert due_reminder(a_finding(customer="unknown"), LADDER, {}, nobody, NOON) is None


def test_a_mailbox_in_doubt_is_not_written_to() -> None:
    """An address that the register marks compromised is no reader."""
    customer = replace(FACTS.recipients["tanphat"], compromised=(LAN,))
    facts = replace(FACTS, recipients={"tanphat": customer})
    assert (Rung.MANAGER, (BOSS,)) == due(30 * DAY, facts=facts)


def test_a_reminder_from_a_time_ahead_counts_from_now() -> None:
    """A clock that was ahead holds the next rung up for its own time at most."""
    sent = {Rung.USER: {LAN: NOON + 365 * DAY}}
    assert due(30 * DAY, sent) is None


def _reminders(*users: str) -> list[DueReminder]:
    ladder = {Rung.MANAGER: DAY}
    some = (due_reminder(a_finding(user, 30 * DAY), ladder, {}, FACTS, NOON) for user in users)
    return [reminder for reminder in some if reminder is not None]


def test_one_reader_gets_one_letter_about_all_accounts() -> None:
    """Thirty accounts of one manager are one letter that names twenty and counts the rest."""
    letters = [*reminder_letters(_reminders(*(f"u{number}" for number in range(30))), FACTS, NOON, 9)]
    (letter,) = letters
    assert (BOSS, 30) == (letter.command.recipient, len(letter.reminders))
    assert (20, 10) == (len(letter.command.payload.context["matters"]), letter.command.payload.context["more"])  # type: ignore[arg-type]


def test_a_day_has_its_bound_and_a_reader_one_letter() -> None:
    """With room for one letter one leaves; who had one within the day gets none; the same cause has the same id."""
    users = [a_finding(f"user{number}@tanphat.example") for number in range(3)]
    some = [due_reminder(it, LADDER, {}, FACTS, NOON) for it in users]
    reminders = [it for it in some if it is not None]
    assert 1 == len([*reminder_letters(reminders, FACTS, NOON, 1)])
    resting = frozenset({"user0@tanphat.example"})
    assert ["user1@tanphat.example", "user2@tanphat.example"] == [
        letter.command.recipient for letter in reminder_letters(reminders, FACTS, NOON, 9, resting)
    ]
    first, again = ([it.command.id for it in reminder_letters(reminders, FACTS, NOON, 9)] for _ in range(2))
    assert first == again


def test_the_registers_say_who_answers_for_an_account() -> None:
    """Users and staff by any of their names; an address of a customer's domain is its user's; others are nobody's."""
    users = (User(name="lan", email=LAN, manager=BOSS), User(name="root"))
    member = StaffMember(id="an", name="An", accounts=("an.support", "an@modoro.example"), department="support")
    people = People(Registers(users=users, staff=Staff(staff=(member,))))
    assert Person(LAN, BOSS) == people.of("LAN") == people.of(LAN)
    assert Person("an@modoro.example") == people.of("an.support")
    assert Person() == people.of("root") == people.of("stranger@elsewhere.example")
