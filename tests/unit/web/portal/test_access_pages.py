"""Tests how customers see the access of staff, and say yes or no to it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from access_office import a_request, an_order
from credwatch.kernel.access import AccessRequest, AccessState
from credwatch.kernel.secret import Secret
from credwatch.policy.totp import MfaOutcome
from portal_site import OTHER, Browser, PortalSite

HOUR = timedelta(hours=1)


def asked(site: PortalSite, request: AccessRequest | None = None) -> str:
    """Have minh ask for access from now on."""
    now = site.clock()
    wanted = replace(request or a_request(), starts_at=now, ends_at=now + 2 * HOUR)
    return site.desk.ask(wanted, "minh")


def state(site: PortalSite, number: str) -> AccessState:
    """Return how a request stands."""
    return site.desk.request(number).request.state


def test_a_request_is_seen_and_approved(site: PortalSite) -> None:
    """The contact reads scope and purpose, agrees once, and access holds when the staff have approved it."""
    number, browser = asked(site), Browser(site).log_in()
    page = browser.get("/touches?language=en").text
    for words in (number, "the books do not close", "ke.toan@haiau.example", "ledger", "Your approval is asked for"):
        assert words in page
    fields = {"said": "agree", "submission": "s-1", "text": "please do"}
    for _ in range(2):
        assert "/touches?done=yes" == browser.post(f"/access/{number}", fields).headers["location"]
    assert "waits for our own approval" in browser.get("/touches").text
    for name in ("quang", "yen"):
        site.desk.approve(number, name, Secret("000000"), lambda _account, _code: MfaOutcome.ACCEPTED)
    assert AccessState.GRANTED is state(site, number)


def test_a_contact_refuses_and_ends(site: PortalSite) -> None:
    """What waits is refused; afterwards nobody can agree any more, and the page says so."""
    number, browser = asked(site), Browser(site).log_in()
    assert 303 == browser.post(f"/access/{number}", {"said": "refuse", "submission": "s-1"}).status_code
    assert AccessState.REFUSED is state(site, number)
    late = browser.post(f"/access/{number}", {"said": "agree", "submission": "s-2"})
    assert 409 == late.status_code


@pytest.mark.parametrize("fields", [{}, {"said": "perhaps", "submission": "s"}, {"said": "agree"}])
def test_a_form_that_says_nothing(site: PortalSite, fields: dict[str, str]) -> None:
    """Nothing is decided by it."""
    number, browser = asked(site), Browser(site).log_in()
    assert 400 == browser.post(f"/access/{number}", fields).status_code
    assert AccessState.WAITING is state(site, number)


def test_only_the_customers_contacts_decide(site: PortalSite) -> None:
    """A visitor is sent to the login, another customer hears what it hears of no number, and a foreign form nothing."""
    number = asked(site)
    fields = {"said": "agree", "submission": "s-1"}
    assert "/login" in Browser(site).post(f"/access/{number}", fields).headers["location"]
    other = Browser(site).log_in(OTHER)
    assert number not in other.get("/touches").text
    answers = [other.post(f"/access/{name}", fields) for name in (number, "AR-0")]
    assert [404, 404] == [answer.status_code for answer in answers]
    mine = Browser(site).log_in()
    foreign = mine.post(f"/access/{number}", fields, headers={"Origin": "https://evil.example"})
    assert 403 == foreign.status_code
    assert AccessState.WAITING is state(site, number)


def test_words_of_others_are_escaped(site: PortalSite) -> None:
    """What staff write is text on the page."""
    asked(site, a_request(reason="<script>alert(1)</script>"))
    page = Browser(site).log_in().get("/touches").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_an_order_is_seen_and_not_asked_about(site: PortalSite) -> None:
    """The customer reads of it, and has nothing to decide."""
    number, browser = asked(site, an_order()), Browser(site).log_in()
    page = browser.get("/touches?language=en").text
    assert number in page
    assert f'action="/access/{number}"' not in page
