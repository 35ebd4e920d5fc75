"""What a person decides of messages that wait: release, drop, close."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from builders_outbox import NOON, a_change, an_incident, some_facts
from credwatch.casework.casebook import Casebook
from credwatch.incidents.lifecycle import IllegalTransition
from credwatch.kernel.incident import Incident, Status
from credwatch.store import outbox
from credwatch.store.cases import incidents, legal_clocks
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Recipients, Role
from scenarios.daemon import Site
from scenarios.pipeline import a_store

NUMBER = "CW-2026-7KQ2M4"
LATER = NOON + timedelta(hours=2)


def _book(folder: Path, incident: Incident, role: Role = Role.PROVIDER) -> Casebook:
    """Make a site whose store holds one incident of history and what it makes the daemon write."""
    site = Site(folder, port=25).furnish()
    addresses = ("it@haiau.example", "giam.doc@haiau.example")
    facts = some_facts(role=role, recipients={"hai-au": Recipients("hai-au", "Hải Âu", "vi", addresses)})
    reaction = react(a_change(*incident.workflows, incident=incident), facts, NOON)
    with a_store(folder / "state" / "credwatch.sqlite") as database, database.writing() as connection:
        incidents.save_incidents(connection, [incident])
        outbox.queue(connection, reaction.commands)
        legal_clocks.save_clocks(connection, reaction.clocks)
    return Casebook.at(site.config)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Casebook]:
    """Open the casebook of a site with two held notices."""
    with _book(tmp_path, _held("customer_notice")) as casebook:
        yield casebook


def _held(workflow: str) -> Incident:
    return an_incident(organization="hai-au", organizations=("hai-au",), workflows=(workflow,), history=True)


def _states(book: Casebook) -> list[tuple[str, str]]:
    return [(each.command.workflow, each.state) for each in book.messages() if each.command.workflow != "escalation"]


def test_what_is_held_is_named(book: Casebook) -> None:
    """The case says that it is history, which messages wait, and that the clock runs since the detection."""
    case = book.case(NUMBER)
    assert case is not None
    assert (True, True, {NUMBER}) == (case["history"], case["held"], book.held())
    assert ["held", "held"] == [each["state"] for each in case["messages"]]
    assert [("customer_notice", "detected", True)] == [(c["workflow"], c["starts"], c["held"]) for c in case["clocks"]]


def test_a_release_is_recorded_and_happens_once(book: Casebook) -> None:
    """The messages are queued, the decision stands in the case with who and why, and a second one is refused."""
    assert 2 == len(book.release(NUMBER, by="lan", why="they do not know yet", now=LATER) or ())
    assert [("customer_notice", "queued")] * 2 == _states(book)
    (incident,) = book.incidents(only_open=True)
    decision = incident.transitions[-1]
    assert (LATER, Status.NEW, "lan", "released: they do not know yet") == (
        decision.at,
        decision.status,
        decision.by,
        decision.why,
    )
    assert set() == book.held()
    with pytest.raises(IllegalTransition, match="nothing of it is held"):
        book.release(NUMBER, by="lan", why="again", now=LATER)


def test_closing_drops_what_is_held(book: Casebook) -> None:
    """Nobody is written to, not even with an update; the messages stay in the store with the reason."""
    book.close(NUMBER, by="lan", why="an import", now=LATER)
    assert [("customer_notice", "dropped")] * 2 == _states(book)
    assert {"closed by lan: an import"} == {each.last_reason for each in book.messages() if each.state == "dropped"}
    case = book.case(NUMBER)
    assert case is not None
    assert all(clock["waived_at"] for clock in case["clocks"])


def test_dropping_needs_a_reason_and_leaves_the_case_open(book: Casebook) -> None:
    """A drop of blanks is refused; with a reason the messages go and the incident stays."""
    with pytest.raises(IllegalTransition):
        book.drop(NUMBER, by="lan", why=" ", with_reports=False, now=LATER)
    assert 0 == book.drop(NUMBER, by="lan", why="known for long", with_reports=False, now=LATER)
    assert [("customer_notice", "dropped")] * 2 == _states(book)
    assert [Status.NEW] == [each.status for each in book.incidents(only_open=True)]


def test_a_report_stays_held_when_the_case_is_closed(tmp_path: Path) -> None:
    """A breach report is a duty that no closing ends: it is dropped by name, or released."""
    with _book(tmp_path, _held("breach_report"), Role.CUSTOMER) as book:
        book.close(NUMBER, by="lan", why="an import", now=LATER)
        assert ([("breach_report", "held")], {NUMBER}) == (_states(book), book.held())
        assert 1 == book.drop(NUMBER, by="lan", why="still", with_reports=False, now=LATER)
        assert 0 == book.drop(NUMBER, by="lan", why="told by telephone", with_reports=True, now=LATER)
        assert [("breach_report", "dropped")] == _states(book)


def test_an_unknown_number_is_nothing(book: Casebook) -> None:
    """Nothing is released or dropped of an incident that is not there."""
    assert None is book.release("CW-0", by="lan", why="x", now=LATER)
    assert None is book.drop("CW-0", by="lan", why="x", with_reports=True, now=LATER)
    assert [] == book.release_messages(["cw-0"], by="lan", now=LATER)
