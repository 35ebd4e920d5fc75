"""Which status may follow which."""

from __future__ import annotations

import itertools

import pytest

from builders_outbox import NOON, an_incident
from credwatch.incidents.lifecycle import IllegalTransition, moved
from credwatch.kernel.incident import Status

LEGAL = {
    (Status.NEW, Status.IN_PROGRESS),
    (Status.NEW, Status.CLOSED),
    (Status.IN_PROGRESS, Status.CLOSED),
    (Status.CLOSED, Status.IN_PROGRESS),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_only_legal_transitions(before: Status, after: Status) -> None:
    """Forward is allowed, and a closed incident may be reopened; back to new and standing still are not."""
    incident = an_incident(status=before)
    if (before, after) in LEGAL:
        assert after is moved(incident, after, at=NOON, by="lan", why="checked").status
    else:
        with pytest.raises(IllegalTransition) as refused:
            moved(incident, after, at=NOON, by="lan", why="checked")
        assert incident.number == refused.value.where


def test_a_change_says_who_when_and_why() -> None:
    """The transition is kept with the incident."""
    closed = moved(an_incident(), Status.CLOSED, at=NOON, by="lan", why="checked")
    (step,) = closed.transitions
    assert (NOON, Status.CLOSED, "lan", "checked") == (step.at, step.status, step.by, step.why)
    assert "lan" == closed.updated_by


@pytest.mark.parametrize("why", ["", "  \n"])
def test_a_change_needs_a_reason(why: str) -> None:
    """Nobody closes an incident without saying why."""
    with pytest.raises(IllegalTransition, match="reason"):
        moved(an_incident(), Status.CLOSED, at=NOON, by="lan", why=why)
