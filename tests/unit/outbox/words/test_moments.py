"""Notices tell when it happened and when it was found, each with its zone, and say so where it was found late."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, TEMPLATES, a_change, an_incident, some_facts, with_context
from credwatch.kernel.incident import ChangeKind
from credwatch.outbox.words.examples import EXAMPLES, example
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Role

GOLDEN = Path(__file__).parent / "golden"
# What is late waits for a person, and joins no other letter.
ABOUT_INCIDENTS = tuple(
    name
    for name in EXAMPLES
    if name not in ("escalation", "digest") and not re.search("joint|portal|receipt|persons|reminder", name)
)
HAPPENED = ("09:05:41 ngày 20/11/2026 (GMT+07:00)", "20 November 2026, 09:05:41 (GMT+07:00)")
FOUND = ("09:05:42 ngày 23/11/2026 (GMT+07:00)", "23 November 2026, 09:05:42 (GMT+07:00)")
LATE = ("Sự việc này được phát hiện muộn", "This was found late")


def _halves(text: str) -> list[str]:
    return [" ".join(half.split()) for half in text.split("=" * 72)]


@pytest.mark.parametrize("workflow", ABOUT_INCIDENTS)
def test_both_moments_are_told_in_both_languages(workflow: str) -> None:
    """Three days lie between, and each language names both moments and the delay."""
    halves = _halves(TEMPLATES.render(example(workflow, found_after=timedelta(days=3))).text)
    for half, happened, found, late, span in zip(halves, HAPPENED, FOUND, LATE, ("3 ngày", "3 days"), strict=True):
        assert happened in half
        assert half.count(found) >= 2
        assert late in half
        assert span in half


@pytest.mark.parametrize("workflow", ABOUT_INCIDENTS)
def test_what_was_found_at_once_does_not_speak_of_delay(workflow: str) -> None:
    """The sentence about history stands only where it is true."""
    text = " ".join(TEMPLATES.render(example(workflow)).text.split())
    assert not [words for words in LATE if words in text]


@pytest.mark.parametrize("workflow", ABOUT_INCIDENTS)
def test_the_text_about_history_is_the_golden_one(workflow: str) -> None:
    """Each message about the past reads as it was approved; GOLDEN=write renews the files for a person to read."""
    words = TEMPLATES.render(example(workflow, found_after=timedelta(days=3)))
    found = f"Subject: {words.subject}\n\n{words.text}"
    path = GOLDEN / "history" / f"{workflow}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == found


@pytest.mark.parametrize("workflow", ABOUT_INCIDENTS)
def test_a_message_that_an_earlier_version_queued_is_still_written(workflow: str) -> None:
    """Its context knows nothing of the moments by our own clock, and it renders all the same."""
    command = example(workflow)
    new = ("recorded_at", "recorded_last", "detected_last", "history", "found_after")
    context = {name: value for name, value in command.payload.context.items() if name not in new}
    assert HAPPENED[0] in " ".join(TEMPLATES.render(with_context(command, context)).text.split())


@pytest.mark.parametrize(("role", "workflow"), [(Role.PROVIDER, "customer_notice"), (Role.CUSTOMER, "breach_report")])
def test_the_closing_of_what_was_held_tells_nobody(role: Role, workflow: str) -> None:
    """Whoever had no notice is sent no update; once let go, the update comes."""
    incident = an_incident(history=True, workflows=(workflow,))
    for released_at, updates in ((None, False), (NOON, True)):
        change = a_change(kind=ChangeKind.CLOSED, incident=replace(incident, released_at=released_at))
        assert updates == bool(react(change, some_facts(role=role), NOON).commands)


@pytest.mark.parametrize("organization", ["tanphat", "nobody-we-know"])
def test_everything_about_history_is_held(organization: str) -> None:
    """The notices, and where nobody could be told, the letters to the operators about that."""
    known = an_incident(
        organization=organization, organizations=(organization,), history=True, workflows=("customer_notice",)
    )
    commands = react(a_change("customer_notice", incident=known), some_facts(), NOON).commands
    assert {"history"} == {command.hold for command in commands}
