"""The owner of an account hears of the use of a recovery code, by the register's address."""

from __future__ import annotations

from builders_outbox import NOON, TEMPLATES, a_change, an_incident, some_facts
from credwatch.kernel.incident import ChangeKind
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Role
from credwatch.world.people import Person

USED = an_incident(kind="recovery_code_used", workflows=("customer_notice", "owner_notice"), subject="lan")
FACTS = some_facts(person_of=lambda account: Person(f"{account}@tanphat.example"))


def test_the_owner_is_written_to_beside_the_contacts() -> None:
    """One letter to the owner's mailbox, which asks whether it was they, in both languages."""
    commands = react(a_change("customer_notice", "owner_notice", incident=USED), FACTS, NOON).commands
    (letter,) = (command for command in commands if command.workflow == "owner_notice")
    assert ("lan@tanphat.example", "tanphat") == (letter.recipient, letter.organization)
    words = TEMPLATES.render(letter)
    assert "mã khôi phục" in words.subject
    for form in (words.text, words.html):
        assert "Nếu không phải bạn".casefold() in form.casefold()
        assert "If it was not you".casefold() in form.casefold()
    assert 2 == sum(command.workflow == "customer_notice" for command in commands)


def test_nobody_is_written_to_whom_no_register_knows() -> None:
    """Nor is anybody where credwatch runs at the customer, nor again when the incident is closed."""
    change = a_change("owner_notice", incident=an_incident(kind="recovery_code_used", subject="lan"))
    assert () == react(change, some_facts(), NOON).commands
    assert () == react(change, some_facts(role=Role.CUSTOMER, person_of=FACTS.person_of), NOON).commands
    closed = a_change(kind=ChangeKind.CLOSED, incident=an_incident(workflows=("owner_notice",)))
    assert () == react(closed, FACTS, NOON).commands


def test_the_same_use_is_told_once() -> None:
    """More evidence of the same incident gives the same letter."""
    first, again = (react(a_change("owner_notice", incident=USED), FACTS, NOON).commands for _ in range(2))
    assert [letter.id for letter in first] == [letter.id for letter in again]
