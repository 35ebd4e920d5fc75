"""Clocks start with the incident, run out once, and call the operators."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, a_change, a_command, an_incident, some_facts
from credwatch.kernel.command import CommandKind
from credwatch.kernel.incident import ChangeKind
from credwatch.workflows.clocks import on_tick, start
from credwatch.workflows.decide import react
from credwatch.workflows.escalation import on_refused

MINUTE = timedelta(minutes=1)
CLOCK = start("customer_notice", "CW-1", "tanphat", NOON, 15 * MINUTE)


def test_a_notice_starts_its_clock_at_the_detection_and_promises_an_update() -> None:
    """The duty runs from the detection, the promise from the notice."""
    later = NOON + 3 * MINUTE
    clocks = react(a_change("customer_notice"), some_facts(), later).clocks
    assert [
        ("customer_notice", NOON, NOON + 15 * MINUTE),
        ("customer_update", later, later + timedelta(hours=72)),
    ] == [(clock.workflow, clock.started_at, clock.due_at) for clock in clocks]


def test_a_duty_that_begins_with_an_update_starts_then() -> None:
    """The clock of a customer touched later does not count the time before."""
    incident = an_incident(detected_last=NOON + 60 * MINUTE)
    change = a_change("customer_notice", kind=ChangeKind.UPDATED, incident=incident)
    clock = react(change, some_facts(), NOON + 61 * MINUTE).clocks[0]
    assert NOON + 60 * MINUTE == clock.started_at


@pytest.mark.parametrize(
    ("clock", "after", "late"),
    [
        (CLOCK, timedelta(minutes=14, seconds=59), False),
        (CLOCK, 15 * MINUTE, True),
        (replace(CLOCK, met_at=NOON), 60 * MINUTE, False),
        (replace(CLOCK, escalated_at=NOON), 60 * MINUTE, False),
    ],
    ids=["running", "out", "met", "told"],
)
def test_a_clock_runs_out_once(clock, after, late) -> None:
    """Only a clock that is unmet, over and untold escalates, and it is marked with the moment."""
    reaction = on_tick(NOON + after, [clock], some_facts())
    assert ([replace(clock, escalated_at=NOON + after)] if late else []) == list(reaction.clocks)
    assert (["clock_ran_out"] if late else []) == [c.payload.context["reason"] for c in reaction.commands]


def test_a_promised_update_is_asked_for() -> None:
    """When the promise is due, the operators are reminded of it and not accused of a missed duty."""
    promise = start("customer_update", "CW-1", "tanphat", NOON, MINUTE)
    reaction = on_tick(NOON + MINUTE, [promise], some_facts())
    assert ["update_due"] == [command.payload.context["reason"] for command in reaction.commands]


def test_clocks_of_different_customers_and_phases_differ() -> None:
    """The id follows from duty, incident, customer and phase, and from nothing else."""
    same = start("customer_notice", "CW-1", "tanphat", NOON + MINUTE, MINUTE)
    others = [
        start("disclosure_notice", "CW-1", "tanphat", NOON, MINUTE),
        start("customer_notice", "CW-2", "tanphat", NOON, MINUTE),
        start("customer_notice", "CW-1", "acme", NOON, MINUTE),
        start("customer_notice", "CW-1", "tanphat", NOON, MINUTE, phase="second"),
    ]
    assert CLOCK.id == same.id
    assert 5 == len({CLOCK.id, *(clock.id for clock in others)})


def test_a_refused_notice_calls_the_operators_with_the_reply() -> None:
    """The operators learn who was not told and what the server said."""
    escalation = on_refused(a_command(), "550 no such user", some_facts(), NOON)[0]
    assert (CommandKind.ESCALATE, "it@tanphat.example", "550 no such user") == (
        escalation.kind,
        escalation.payload.context["recipient"],
        escalation.payload.context["reply"],
    )


@pytest.mark.parametrize("kind", [CommandKind.ESCALATE, CommandKind.DIGEST])
def test_a_refused_message_to_operators_does_not_call_them_again(kind: CommandKind) -> None:
    """No circle of messages about messages."""
    assert () == on_refused(a_command(kind=kind), "550", some_facts(), NOON)
