"""The operators are reminded of who was told and has not answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from builders_outbox import NOON, TEMPLATES, some_facts
from credwatch.workflows.facts import Role
from credwatch.workflows.message import LISTED
from credwatch.workflows.reminder import Unanswered, is_due, remind, reminded

DAY = timedelta(days=1)
NOTICE = Unanswered("customer_notice", "CW-2026-7KQ2M4", "tanphat", told_at=NOON)


@pytest.mark.parametrize(
    ("reminded_at", "hours", "expected"),
    [
        (None, 23.9, False),
        (None, 24, True),
        (NOON + DAY, 47.9, False),
        (NOON + DAY, 48, True),
        (NOON + 400 * DAY, 25, True),
        (NOON + DAY, 23, False),
    ],
    ids=["in time", "out of time", "reminded", "a period later", "noted far ahead", "clock set back a little"],
)
def test_once_a_period(reminded_at: object, hours: float, expected: bool) -> None:
    """The first a period after the letter, the next a period after the last; a clock that was wrong silences nobody."""
    unanswered = replace(NOTICE, reminded_at=reminded_at)
    assert expected == is_due(unanswered, DAY, NOON + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "CW-2026-7KQ2M4 – Incident notice to the customer: Công ty Tân Phát, telephone +84 258 555 0199"),
        ("vi", "CW-2026-7KQ2M4 – Thông báo sự cố gửi Khách hàng: Công ty Tân Phát, điện thoại +84 258 555 0199"),
    ],
)
def test_a_reminder_says_whom_to_call(language: str, words: str) -> None:
    """It names incident, duty, customer, telephone number and moment, which reminder it is and who is in charge."""
    facts = some_facts()
    reader = replace(facts.recipients["tanphat"], phone="+84 258 555 0199")
    facts = replace(facts, recipients={"tanphat": reader})
    (letter,) = remind([replace(NOTICE, owner="mai", reminders=1)], facts, NOON + 2 * DAY)
    text = " ".join(
        TEMPLATES.render(replace(letter, payload=replace(letter.payload, languages=(language,)))).text.split()
    )
    assert words in text
    assert {"en": "reminder 2, in charge: mai", "vi": "nhắc lần 2, người phụ trách: mai"}[language] in text
    assert ("CW-2026-7KQ2M4", "unanswered") == (letter.incident, letter.payload.context["reason"])


def test_a_report_waits_for_the_vendor() -> None:
    """At a customer the vendor is named, who was sent the report."""
    facts = replace(some_facts(), role=Role.CUSTOMER)
    (letter,) = remind([replace(NOTICE, workflow="breach_report")], facts, NOON + DAY)
    assert "Công ty TNHH MODORO DIGITAL" in TEMPLATES.render(letter).text


def test_a_thousand_are_one_letter() -> None:
    """After a flood the operators get one letter, which names those who were told first and counts the rest."""
    many = [replace(NOTICE, incident=f"CW-{n:04}", told_at=NOON - timedelta(minutes=n)) for n in range(1000)]
    (letter,) = remind(many, some_facts(), NOON + DAY)
    text = TEMPLATES.render(letter).text
    assert "CW-0999" in text
    assert "CW-0000" not in text
    assert f"And {1000 - LISTED} more." in text
    assert "" == letter.incident
    assert () == remind([], some_facts(), NOON)


def test_the_case_says_so() -> None:
    """The entry is credwatch's, and names the customer and what was not answered."""
    entry = reminded(NOTICE, NOON + DAY)
    assert ("CW-2026-7KQ2M4", "reminded", "credwatch", "tanphat") == (
        entry.incident,
        entry.kind,
        entry.by,
        entry.customer,
    )
    assert "no answer to the customer notice" in entry.text
