"""What follows from a change of an incident, by role."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, a_change, an_incident, some_facts
from credwatch.kernel.command import CommandKind
from credwatch.kernel.incident import ChangeKind
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Facts, Operators, Recipients, Role


def _recipients(facts: Facts, *started: str, **incident: object) -> Counter[tuple[str, str]]:
    reaction = react(a_change(*started, incident=an_incident(**incident)), facts, NOON)
    return Counter((command.workflow, command.recipient) for command in reaction.commands)


def _expected(*pairs: tuple[str, str]) -> Counter[tuple[str, str]]:
    return Counter(pairs)


def test_a_customer_notice_goes_to_every_notice_address() -> None:
    """One message for each address of the customer, none to anybody else."""
    expected = _expected(("customer_notice", "it@tanphat.example"), ("customer_notice", "kt@tanphat.example"))
    assert expected == _recipients(some_facts(), "customer_notice")


def test_a_compromised_address_is_not_written_to() -> None:
    """An address that is itself under attack is left out, whatever its case."""
    expected = _expected(("customer_notice", "kt@tanphat.example"))
    assert expected == _recipients(some_facts(), "customer_notice", accounts=("IT@tanphat.example",))


def test_a_registered_compromise_is_not_written_to() -> None:
    """A mailbox the register marks compromised is left out."""
    known = Recipients("tanphat", "Tân Phát", "vi", ("a@x.example", "b@x.example"), ("a@x.example",))
    facts = some_facts(recipients={"tanphat": known})
    assert _expected(("customer_notice", "b@x.example")) == _recipients(facts, "customer_notice")


def test_without_a_safe_address_the_operators_hear_of_it() -> None:
    """Nobody is silently not told: the clock runs and the operators are called."""
    incident = an_incident(accounts=("it@tanphat.example", "kt@tanphat.example"))
    reaction = react(a_change("customer_notice", incident=incident), some_facts(), NOON)
    assert [(CommandKind.ESCALATE, "no_address")] == [
        (command.kind, command.payload.context["reason"]) for command in reaction.commands
    ]
    assert ["customer_notice"] == [clock.workflow for clock in reaction.clocks]


@pytest.mark.parametrize("organization", ["", "nobody-we-know"])
@pytest.mark.parametrize("workflow", ["customer_notice", "disclosure_notice"])
def test_without_a_known_customer_the_operators_hear_of_it(workflow: str, organization: str) -> None:
    """An incident of no known customer escalates."""
    organizations = (organization,) if organization else ()
    incident = an_incident(organization=organization, organizations=organizations)
    reaction = react(a_change(workflow, incident=incident), some_facts(), NOON)
    assert ["no_customer"] == [command.payload.context["reason"] for command in reaction.commands]


def test_every_touched_customer_is_told_of_its_own_accounts_only() -> None:
    """A spray over two customers makes two notices, and neither names the other's accounts."""
    incident = an_incident(
        organization="", organizations=("acme", "tanphat"), accounts=("bob@acme.example", "lan@tanphat.example", "x")
    )
    reaction = react(a_change("customer_notice", incident=incident), some_facts(), NOON)
    named = {command.organization: command.payload.context["accounts"] for command in reaction.commands}
    assert {
        "acme": {"first": ["bob@acme.example"], "more": 0},
        "tanphat": {"first": ["lan@tanphat.example"], "more": 0},
    } == named


def test_a_customer_touched_later_is_told_then() -> None:
    """An update that brings another customer adds its notices; the first customer's keep their ids."""
    first = react(a_change("customer_notice"), some_facts(), NOON)
    wider = an_incident(organizations=("tanphat", "acme"), workflows=("customer_notice",))
    later = react(a_change(kind=ChangeKind.UPDATED, incident=wider), some_facts(), NOON)
    added = {command.id for command in later.commands} - {command.id for command in first.commands}
    assert {"acme"} == {command.organization for command in later.commands if command.id in added}


def test_the_same_change_gives_the_same_reaction() -> None:
    """Replay equals live: ids, contexts and clocks follow from the cause."""
    change = a_change("customer_notice", "disclosure_notice")
    assert react(change, some_facts(), NOON) == react(change, some_facts(), NOON)


def test_a_mailbox_of_two_customers_gets_a_message_for_each() -> None:
    """A shared notice address does not merge two customers' notices."""
    shared = ("it@agency.example",)
    recipients = {name: Recipients(name, name, "vi", shared) for name in ("acme", "tanphat")}
    incident = an_incident(organizations=("acme", "tanphat"))
    reaction = react(a_change("customer_notice", incident=incident), some_facts(recipients=recipients), NOON)
    assert 2 == len({command.id for command in reaction.commands})


def test_the_language_of_the_reader_comes_first() -> None:
    """Vietnamese readers get vi, en; English readers get en, vi."""
    incident = an_incident(organization="acme", organizations=("acme",))
    english = react(a_change("customer_notice", incident=incident), some_facts(), NOON).commands[0]
    vietnamese = react(a_change("customer_notice"), some_facts(), NOON).commands[0]
    assert (("en", "vi"), ("vi", "en")) == (english.payload.languages, vietnamese.payload.languages)


def test_in_role_customer_a_breach_is_reported_to_the_vendor() -> None:
    """The report goes to the vendor's security mailbox, and no customer notice is made."""
    facts = some_facts(role=Role.CUSTOMER)
    expected = _expected(("breach_report", "security@modoro.example"))
    assert expected == _recipients(facts, "customer_notice", "breach_report")


def test_without_a_vendor_the_operators_hear_of_it() -> None:
    """A report that has nowhere to go escalates, and its clock runs."""
    facts = some_facts(role=Role.CUSTOMER, vendor=None)
    reaction = react(a_change("breach_report"), facts, NOON)
    assert ["no_vendor"] == [command.payload.context["reason"] for command in reaction.commands]
    assert ["breach_report"] == [clock.workflow for clock in reaction.clocks]


def test_in_role_provider_no_report_is_made() -> None:
    """The provider does not report to itself."""
    assert not _recipients(some_facts(), "breach_report")


def test_an_unknown_workflow_calls_the_operators() -> None:
    """A rule with a misspelt workflow does not swallow the incident."""
    reaction = react(a_change("customer_notise"), some_facts(), NOON)
    assert ["unknown_workflow"] == [command.payload.context["reason"] for command in reaction.commands]


def test_a_disclosure_names_grounds_and_department_but_no_member_of_staff() -> None:
    """Basis, document, issuer, act and department come from the register and the event."""
    details = (
        ("credwatch.actor.department", "Hỗ trợ"),
        ("credwatch.actor.id", "staff-17"),
        ("credwatch.authorisation.id", "AUT-1"),
        ("event.action", "staff_access"),
    )
    reaction = react(a_change("disclosure_notice", incident=an_incident(details=details)), some_facts(), NOON)
    context = reaction.commands[0].payload.context
    wanted = ("basis", "document", "issuer", "action", "department")
    assert ("court_order", "27/2026/QĐ-TA", "TAND tỉnh Khánh Hòa", "staff_access", "Hỗ trợ") == tuple(
        context[name] for name in wanted
    )
    assert "staff-17" not in str(context)


@pytest.mark.parametrize("workflow", ["customer_notice", "disclosure_notice"])
def test_the_account_acted_upon_is_named_and_the_staffs_is_not(workflow: str) -> None:
    """Where staff acts, the customer reads its own account's name and no other."""
    details = (
        ("user.name", "support1"),
        ("credwatch.actor.kind", "staff"),
        ("user.target.name", "lan@tanphat.example"),
    )
    incident = an_incident(accounts=("support1", "support2"), details=details)
    reaction = react(a_change(workflow, incident=incident), some_facts(owner=lambda _: ""), NOON)
    assert {"first": ["lan@tanphat[.]example"], "more": 0} == reaction.commands[0].payload.context["accounts"]
    assert "support" not in str(reaction.commands)


def test_actor_and_target_are_both_named_where_both_are_the_customers() -> None:
    """A factor removed by a colleague concerns both accounts."""
    incident = an_incident(accounts=("an@tanphat.example",), details=(("user.target.name", "lan@tanphat.example"),))
    reaction = react(a_change("customer_notice", incident=incident), some_facts(), NOON)
    expected = {"first": ["an@tanphat.example", "lan@tanphat.example"], "more": 0}
    assert expected == reaction.commands[0].payload.context["accounts"]


def test_a_mailbox_named_by_the_event_is_in_doubt_too() -> None:
    """The address of an attacked account is not written to, though the account has another name."""
    incident = an_incident(accounts=("lan",), details=(("user.email", "kt@tanphat.example"),))
    expected = _expected(("customer_notice", "it@tanphat.example"))
    assert expected == _recipients(some_facts(), "customer_notice", accounts=("lan",), details=incident.details)


def test_a_disclosure_without_a_register_entry_uses_what_the_event_says() -> None:
    """The notice is due even where the register has lost the authorisation."""
    details = (("credwatch.authorisation.basis", "customer_request"), ("credwatch.support.reason", "TICKET-9"))
    reaction = react(a_change("disclosure_notice", incident=an_incident(details=details)), some_facts(), NOON)
    context = reaction.commands[0].payload.context
    assert ("customer_request", "TICKET-9") == (context["basis"], context["document"])


def test_another_act_under_the_same_incident_is_told_too() -> None:
    """Each kind of act under each authorisation has a notice of its own."""
    first = an_incident(details=(("event.action", "staff_access"),))
    second = replace(first, details=(("event.action", "data_export"),), workflows=("disclosure_notice",))
    told = react(a_change("disclosure_notice", incident=first), some_facts(), NOON).commands
    again = react(a_change(kind=ChangeKind.UPDATED, incident=second), some_facts(), NOON).commands
    assert 4 == len({command.id for command in (*told, *again)})


def test_a_disclosure_without_a_safe_address_calls_the_operators() -> None:
    """A disclosure that nobody can be told of escalates."""
    known = Recipients("tanphat", "Tân Phát", "vi", ("a@x.example",), ("a@x.example",))
    reaction = react(a_change("disclosure_notice"), some_facts(recipients={"tanphat": known}), NOON)
    assert ["no_address"] == [command.payload.context["reason"] for command in reaction.commands]


@pytest.mark.parametrize(
    ("role", "workflow", "expected"),
    [
        (Role.PROVIDER, "customer_notice", ["customer_update", "customer_update"]),
        (Role.CUSTOMER, "breach_report", ["breach_update"]),
        (Role.PROVIDER, "disclosure_notice", []),
        (Role.PROVIDER, "breach_report", []),
    ],
)
def test_closing_sends_the_promised_update(role: Role, workflow: str, expected: list[str]) -> None:
    """Whoever was promised an update gets it when the incident is closed."""
    incident = an_incident(workflows=(workflow,))
    change = a_change(kind=ChangeKind.CLOSED, incident=incident)
    reaction = react(change, some_facts(role=role), NOON)
    assert expected == [command.workflow for command in reaction.commands]


def test_closing_passes_over_whom_it_cannot_know() -> None:
    """An update to an unknown customer, or without a vendor, is nothing."""
    stranger = an_incident(organization="x", organizations=("x",), workflows=("customer_notice", "breach_report"))
    change = a_change(kind=ChangeKind.CLOSED, incident=stranger)
    assert () == react(change, some_facts(), NOON).commands
    assert () == react(change, some_facts(role=Role.CUSTOMER, vendor=None), NOON).commands


def test_unowned_accounts_are_shown_to_the_only_customer_touched() -> None:
    """Without an owner in the registers, an incident of one customer still names its accounts."""
    stranger = some_facts(operators=Operators(()), owner=lambda _account: "")
    reaction = react(a_change("customer_notice"), stranger, NOON)
    assert {"first": ["lan@tanphat[.]example"], "more": 0} == reaction.commands[0].payload.context["accounts"]


def test_without_operators_nobody_is_called() -> None:
    """No operator addresses make no commands."""
    reaction = react(a_change("nonsense"), some_facts(operators=Operators(())), NOON)
    assert () == reaction.commands
