"""Tests how notice addresses and telephone numbers change: slowly, and never behind anybody's back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from credwatch.app.contact_changes import facts_after
from credwatch.store.portal.changes import ChangeState, changes_in
from portal_site import CONTACT, HAI_AU, OTHER, Browser, PortalSite

NEW = "bao.mat@haiau.example"


def _ask(browser: Browser, kind: str = "address_added", value: str = NEW, submission: str = "s"):
    return browser.post("/addresses", {"kind": kind, "value": value, "submission": submission})


def _take_up(site: PortalSite) -> None:
    """Do what the timetable and the reload do."""
    if site.desk.take_up_changes():
        with site.database.reading() as connection:
            site.facts = facts_after(site.facts, changes_in(connection, ChangeState.DONE))


def test_a_change_waits_is_told_to_the_old_addresses_and_then_holds(site: PortalSite) -> None:
    """For three days nothing changes; then the new address gets notices and may log in."""
    browser = Browser(site).log_in()
    for _ in range(2):
        assert 303 == _ask(browser).status_code
    told = [letter for letter in site.letters("portal_news") if letter.payload.context["what"] == "change_asked"]
    assert {CONTACT, "giam.doc@haiau.example"} == {letter.recipient for letter in told}
    site.moved += timedelta(hours=71)
    _take_up(site)
    assert NEW not in site.facts.recipients[HAI_AU].addresses
    site.moved += timedelta(hours=2)
    _take_up(site)
    assert NEW in site.facts.recipients[HAI_AU].addresses
    assert Browser(site).ask(NEW)


def test_an_old_address_calls_a_change_off_without_logging_in(site: PortalSite) -> None:
    """Number and code of the letter are enough, once; nothing changes afterwards."""
    browser = Browser(site).log_in()
    _ask(browser)
    (letter,) = [
        letter
        for letter in site.letters("portal_news", "giam.doc@haiau.example")
        if letter.payload.context["what"] == "change_asked"
    ]
    visitor = Browser(site)
    assert 400 == visitor.post("/stop", {"number": letter.payload.context["number"], "code": "AAAA"}).status_code
    said = {"number": letter.payload.context["number"], "code": letter.payload.context["code"]}
    assert "do chúng tôi gửi" in visitor.post("/check", said).text
    assert 200 == visitor.post("/stop", said).status_code
    assert 400 == visitor.post("/stop", said).status_code
    site.moved += timedelta(days=4)
    _take_up(site)
    assert NEW not in site.facts.recipients[HAI_AU].addresses


def test_only_the_customer_itself_calls_its_change_off(site: PortalSite) -> None:
    """Another customer's contact gets the answer that there is no such change."""
    mine = Browser(site).log_in()
    _ask(mine)
    change = re.search(r"/addresses/(CC-[A-Z0-9]+)/cancel", mine.get("/addresses").text)[1]
    other = Browser(site).log_in(OTHER)
    assert 404 == other.post(f"/addresses/{change}/cancel").status_code
    assert change not in other.get("/addresses").text
    assert 303 == mine.post(f"/addresses/{change}/cancel").status_code


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("address_added", "no address", "chưa đúng"),
        ("address_added", "a@b.example, c@d.example", "chưa đúng"),
        ("address_added", "IT@haiau.example", "đang nhận thông báo rồi"),
        ("address_removed", CONTACT, "ít nhất hai"),
        ("address_removed", OTHER, "không có trong danh sách"),
        ("phone", "call me", "chưa đúng"),
        ("nonsense", "x", "chưa đúng"),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_its_reason(
    site: PortalSite, kind: str, value: str, words: str
) -> None:
    """What is no address, is known, is another's, or would leave less than two: each has its words."""
    answer = _ask(Browser(site).log_in(), kind, value)
    assert (400, True) == (answer.status_code, words in answer.text)


def test_a_telephone_number_changes_too(site: PortalSite) -> None:
    """After its time the operators call the new number."""
    _ask(Browser(site).log_in(), "phone", "+84 28 5550 0199")
    site.moved += timedelta(days=4)
    _take_up(site)
    assert "+84 28 5550 0199" == site.facts.recipients[HAI_AU].phone
