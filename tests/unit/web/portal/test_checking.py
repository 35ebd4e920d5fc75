"""Tests the page that says whether a letter is genuine."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from builders_outbox import NOON
from credwatch.kernel.account_finding import AccountFinding, FindingKey
from credwatch.kernel.incident import ChangeKind, IncidentChange
from credwatch.store import outbox
from credwatch.workflows.account_reminder import DueReminder, Rung, reminder_letters
from credwatch.workflows.customer_notice import customer_notice
from portal_site import HAI_AU, Browser, PortalSite

NUMBER = "CW-2026-7KQ2M4AB"


def test_a_letter_of_ours_is_genuine_in_any_spelling(site: PortalSite) -> None:
    """Number and code of a letter that was sent are genuine, in small letters and without hyphens too."""
    code = str(site.letters("customer_notice")[0].payload.context["code"])
    browser = Browser(site)
    for number, spelling in ((NUMBER, code), (NUMBER.lower(), code.lower().replace("-", " "))):
        answer = browser.post("/check", {"number": number, "code": spelling})
        assert (200, True) == (answer.status_code, "do chúng tôi gửi" in answer.text)


def test_a_reminder_about_accounts_is_genuine_too(site: PortalSite) -> None:
    """It is about no incident, and has a number of its own."""
    finding = AccountFinding(FindingKey("idp", HAI_AU, "lan", "no_second_factor"), "", NOON, is_told=True)
    due = DueReminder(finding, Rung.USER, ("lan@haiau.example",))
    (letter,) = reminder_letters([due], site.facts, site.clock(), 1)
    with site.database.writing() as connection:
        outbox.queue(connection, [letter.command])
    number, code = (str(letter.command.payload.context[name]) for name in ("number", "code"))
    for spelling, is_genuine in ((number, True), (number.lower(), True), ("CR-%", False), ("CR-AAAAAAAA", False)):
        answer = Browser(site).post("/check", {"number": spelling, "code": code})
        assert is_genuine == ("do chúng tôi gửi" in answer.text), spelling


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (NUMBER, "AAAA-BBBB-CCCC-DDDD"),
        (NUMBER, "0000-0000-0000-0000"),
        ("CW-2026-AAAAAAAA", "code"),
        ("", ""),
        ("\0", "é"),
    ],
)
def test_anything_else_is_not_and_nothing_more_is_said(site: PortalSite, number: str, code: str) -> None:
    """A wrong code and a number that is nobody's get the same answer, word for word."""
    right = str(site.letters("customer_notice")[0].payload.context["code"])
    answer = Browser(site).post("/check", {"number": number, "code": right if code == "code" else code})
    assert "Không có thư nào của chúng tôi mang hai mã này" in answer.text
    assert "haiau" not in answer.text


def test_what_is_held_for_a_person_is_no_letter(site: PortalSite) -> None:
    """A notice that nobody may know of yet is not confirmed by its code either."""
    held = site.incident(NUMBER)
    other = replace(held, number="CW-2026-HELDHELD", history=True, kind="mfa_fatigue")
    letters = customer_notice(IncidentChange(ChangeKind.OPENED, other), site.facts, site.clock()).commands
    assert all(letter.hold for letter in letters)
    with site.database.writing() as connection:
        outbox.queue(connection, letters)
    answer = Browser(site).post("/check", {"number": other.number, "code": str(letters[0].payload.context["code"])})
    assert "Không có thư nào" in answer.text
    assert HAI_AU not in answer.text


def test_guessing_is_slowed_by_number_and_by_address(site: PortalSite) -> None:
    """After ten wrong codes of one number, nobody's eleventh is looked at for a while, right or wrong."""
    browser = Browser(site)
    answers = [browser.post("/check", {"number": NUMBER, "code": f"{at}"}).status_code for at in range(11)]
    assert [200] * 10 + [429] == answers
