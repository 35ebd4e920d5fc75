"""Tells the operators that messages wait for them: one letter for a whole flood, renewed as it grows."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command
from credwatch.workflows.escalation import EscalationReason, escalate
from credwatch.workflows.facts import Facts

_AGAIN = timedelta(hours=1)
"""A flood that has grown is told again after so long."""


class Held(Struct, frozen=True):
    """What waits for a person."""

    messages: int
    """How many messages."""
    since: datetime | None
    """When the first of them was written; None where there are none."""
    incidents: int = 0
    """How many incidents they are about."""
    oldest: tuple[str, ...] = ()
    """The numbers of the incidents that have waited longest."""
    by_workflow: tuple[tuple[str, int], ...] = ()
    """How many messages of each workflow."""


class HeldLetter(Struct, frozen=True):
    """What the operators have been told of a flood."""

    at: datetime
    """When its latest letter was written."""
    incidents: int
    """How many incidents it named."""
    began: datetime
    """When the flood began."""


def on_held(
    held: Held, letter: HeldLetter | None, facts: Facts, now: datetime
) -> tuple[tuple[Command, ...], HeldLetter | None]:
    """Write to the operators about what waits, and say what they know then; None where nothing waits any more.

    The first message that waits is told at once. A letter that has not left yet says what has come since; after that,
    a flood that has grown is told again every hour, so that thousands of incidents make a handful of letters.
    """
    if not held.messages:
        return (), None
    if letter is None:
        letter = HeldLetter(now, held.incidents, now)
    elif held.incidents <= letter.incidents:
        return (), letter
    elif abs(now - letter.at) >= _AGAIN:  # either way, for a clock may be set back
        letter = HeldLetter(now, held.incidents, letter.began)
    return _letter(held, letter, facts, now), letter


def _letter(held: Held, letter: HeldLetter, facts: Facts, now: datetime) -> tuple[Command, ...]:
    return escalate(
        facts, now, EscalationReason.HELD, duty="", incident="", phase=rfc3339(letter.at), held=held_values(held)
    )


def held_values(held: Held) -> dict[str, object]:
    """Describe to the operators what waits for them."""
    return {
        "incidents": held.incidents,
        "messages": held.messages,
        "since": rfc3339(held.since) if held.since else "",
        "oldest": list(held.oldest),
        "more": max(0, held.incidents - len(held.oldest)),
        "by_workflow": [list(counted) for counted in held.by_workflow],
    }
