"""What people decide about measures: approve by two names, undo by one command, see why, list the bans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from builders_measures import HOUR, a_guessing, a_plan, a_takeover, asked, some_governed_facts
from builders_outbox import NOON
from credwatch.app.settings import load_settings
from credwatch.casework.enforcing import Decision, EnforcementRefused, Enforcing, described
from credwatch.kernel.measure import MeasureAction, MeasureState
from credwatch.kernel.receipt import Delivered
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.workflows.governor import MeasureCaps
from scenarios.daemon import Site
from scenarios.pipeline import a_store

MAI, LAN = Decision("mai", NOON, "phoned them"), Decision("lan", NOON, "phoned them too")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    Site(tmp_path, port=25).furnish()
    with a_store(tmp_path / "state" / "credwatch.sqlite") as database:
        yield database


@pytest.fixture
def desk(tmp_path: Path, store: Database) -> Enforcing:
    """Make a desk over a store with one account locked and two that wait beyond the cap."""
    facts = some_governed_facts(caps=MeasureCaps(accounts=1, accounts_of_customer=1))
    with store.writing() as connection:
        asked(connection, [a_takeover(1), a_takeover(2), a_takeover(3)], facts)
    _deliver(store)
    return Enforcing(load_settings(Site(tmp_path, port=25).config), store)


def _deliver(store: Database) -> None:
    """Have every channel carry out what is queued."""
    outbox = OutboxStore(store)
    for stored in outbox.listed(("queued",)):
        if stored.command.workflow == "enforcement" and outbox.begin(stored.command.id, NOON):
            outbox.settle(stored.command.id, Delivered(NOON, "200"), NOON, None)


def states(desk: Enforcing) -> list[str]:
    return sorted(measure.state for measure in desk.listed((), 100))


def test_two_people_approve_what_lies_beyond_a_cap(desk: Enforcing, store: Database) -> None:
    """One name is not enough, the same name twice is refused, and the second has it done."""
    held = desk.listed((MeasureState.HELD,), 100)[0].id
    (once,) = desk.approve([held], MAI)
    assert MeasureState.HELD == once.state
    with pytest.raises(EnforcementRefused, match="mai has approved it already"):
        desk.approve([held], MAI)
    (twice,) = desk.approve([held], LAN)
    assert MeasureState.QUEUED == twice.state
    assert "Approved by mai, lan" in described(twice)["why"]
    _deliver(store)
    assert ["held", "in_force", "in_force"] == states(desk)


def test_a_mistake_is_undone_by_one_command(desk: Enforcing, store: Database) -> None:
    """What is in force is undone, and what waits is called off, with who and why."""
    desk.undo([], MAI, everything=True)
    _deliver(store)
    assert ["lapsed", "lapsed", "undone"] == states(desk)
    assert {"mai"} == {measure.undone_by for measure in desk.listed((), 100)}
    id_ = desk.listed((MeasureState.UNDONE,), 1)[0].id
    shown = desk.measure(id_)
    assert shown is not None
    assert ["delivered", "delivered"] == [attempt["result"] for attempt in shown[1]]
    with pytest.raises(EnforcementRefused, match="nothing to undo"):
        desk.undo([id_], MAI)


def test_while_stopped_nothing_is_approved(desk: Enforcing) -> None:
    """The kill switch says who pulled it, and approvals wait until it is released."""
    desk.stop(MAI)
    stop = desk.stopped()
    assert stop is not None
    assert "mai" == stop.by
    with pytest.raises(EnforcementRefused, match="mai has stopped enforcement"):
        desk.approve([], LAN)
    desk.resume(LAN)
    with pytest.raises(EnforcementRefused, match="is not stopped"):
        desk.resume(LAN)


def test_no_decision_is_without_a_reason(desk: Enforcing) -> None:
    """Whoever decides says why."""
    with pytest.raises(EnforcementRefused, match="a reason is missing"):
        desk.stop(Decision("mai", NOON, " "))


def test_bans_are_listed_with_their_time(desk: Enforcing, store: Database) -> None:
    """Other programs get the blocks that are banned, IPv6 by its /64, and how much longer."""
    ban = a_plan(MeasureAction.BAN_ADDRESS, name="guessing", incidents=("brute_force",))
    with store.writing() as connection:
        asked(connection, [a_guessing("2001:db8::1"), a_guessing("198.51.100.7")], some_governed_facts(ban))
    _deliver(store)
    listed = desk.bans(NOON + timedelta(minutes=15))
    assert {("198.51.100.7", HOUR * 0.75), ("2001:db8::/64", HOUR * 0.75)} == {row[:2] for row in listed}
