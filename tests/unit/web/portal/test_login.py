"""Tests how a contact logs in, and how nobody else does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from credwatch.ledger.entry import ActKind
from credwatch.store import audit
from credwatch.store.audit import Chosen
from portal_site import CONTACT, HAI_AU, OTHER, Browser, PortalSite


def test_a_contact_logs_in_with_link_and_app(site: PortalSite) -> None:
    """Link, then the first code of an app: the contact is in, and the customer's own log says so."""
    browser = Browser(site).log_in()
    assert CONTACT in browser.get("/").text
    with site.database.reading() as connection:
        kinds = [row.entry for row in audit.listed(connection, Chosen(customer=HAI_AU), 50)]
    assert any(ActKind.CONTACT_LOGGED_IN.encode() in entry for entry in kinds)


def test_a_second_factor_that_is_there_is_asked_for(site: PortalSite) -> None:
    """The next time the app's code is asked for; a wrong one, and one that was used, let nobody in."""
    browser = Browser(site).log_in()
    browser.post("/logout")
    site.moved += timedelta(minutes=2)
    other = Browser(site)
    other.post(other.ask())
    assert 403 == other.post("/login/code", {"code": "000000"}).status_code
    assert 403 == other.post("/login/app").status_code
    assert "/login/second" == other.get("/notices").headers["location"]
    code = browser.code()
    assert "/notices" == other.post("/login/code", {"code": code}).headers["location"]
    third = Browser(site)
    third.post(third.ask())
    assert 403 == third.post("/login/code", {"code": code}).status_code


def test_a_recovery_code_lets_in_once(site: PortalSite) -> None:
    """Without the app one of the codes shown at the start lets in, once."""
    browser = Browser(site)
    browser.post(browser.ask())
    shown = re.search(r'id="secret">([A-Z2-7 ]+)<', browser.post("/login/app").text)
    assert shown
    browser.secret = shown[1].replace(" ", "")
    codes = re.findall(
        r"<li>([0-9A-Za-z -]{10,})</li>", browser.post("/login/app/confirm", {"code": browser.code()}).text
    )
    assert 10 == len(codes)
    for expected in (303, 403):
        site.moved += timedelta(minutes=6)
        other = Browser(site)
        other.post(other.ask())
        assert expected == other.post("/login/recovery", {"code": codes[0]}).status_code


def test_whether_an_address_is_known_does_not_show(site: PortalSite) -> None:
    """An address that is nobody's gets the same page, and no letter is sent."""
    browser = Browser(site)
    known, unknown = (browser.post("/login", {"address": one}).text for one in (CONTACT, "ab@haiau.example"))
    assert known.replace(CONTACT, "") == unknown.replace("ab@haiau.example", "")
    assert [CONTACT] == [letter.recipient for letter in site.letters("portal_link")]


def test_a_link_works_once_in_time_and_in_the_browser_that_asked(site: PortalSite) -> None:
    """Used twice, too late, in another browser, or made up, a link opens nothing, and says why."""
    browser, other = Browser(site), Browser(site)
    path = browser.ask()
    assert 403 == other.get(path).status_code
    assert "trình duyệt khác" in other.post(path).text
    assert 200 == browser.get(path).status_code
    assert 200 == browser.get(path).status_code, "to look at it uses nothing up"
    assert 303 == browser.post(path).status_code
    assert "đã được dùng" in browser.post(path).text
    late = browser.ask()
    site.moved += timedelta(minutes=10, seconds=1)
    assert "hết hạn" in browser.post(late).text
    assert 403 == browser.post("/login/link/made-up").status_code


def test_a_session_ends_by_idleness_by_age_and_by_logging_out(site: PortalSite) -> None:
    """Half an hour without a request ends it, twelve hours end it, and so does the button."""
    browser = Browser(site).log_in()
    site.moved += timedelta(minutes=29)
    assert CONTACT in browser.get("/").text
    site.moved += timedelta(minutes=31)
    assert CONTACT not in browser.get("/").text
    browser.log_in()
    for _ in range(25):
        site.moved += timedelta(minutes=29)
        was_in = CONTACT in browser.get("/").text
    assert not was_in
    browser.log_in()
    cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    browser.post("/logout")
    assert CONTACT not in Browser(site).get("/", **cookie).text


def test_each_step_has_a_session_token_of_its_own(site: PortalSite) -> None:
    """The token that the link gave is no good once the second factor is proven."""
    browser = Browser(site)
    browser.post(browser.ask())
    first = browser.cookies["__Host-credwatch-session"]
    browser.log_in()
    assert first != browser.cookies["__Host-credwatch-session"]


def test_cookies_are_bound_to_the_host_and_to_tls(site: PortalSite) -> None:
    """Every cookie is __Host-, Secure and HttpOnly; that of the session is SameSite=Strict."""
    browser = Browser(site)
    answers = [browser.get("/?language=en"), browser.post(browser.ask())]
    cookies = [cookie for answer in answers for cookie in answer.headers.get_list("set-cookie")]
    assert 3 == len(cookies)
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        assert {"secure", "httponly", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
        assert "domain" not in cookie.lower()
    assert ["SameSite=strict" in cookie for cookie in cookies if "session" in cookie] == [True]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://other.localhost"},
    ],
)
def test_a_form_of_another_site_does_nothing(site: PortalSite, headers: dict[str, str]) -> None:
    """A form that another site sends is refused though cookies and token come with it."""
    assert 403 == Browser(site).post("/login", {"address": CONTACT}, headers=headers).status_code
    assert [] == site.letters("portal_link")


def test_a_form_without_its_token_does_nothing(site: PortalSite) -> None:
    """Cookies alone send no form; nor does a program that names no origin."""
    browser = Browser(site)
    assert 403 == browser.post("/login", {"address": CONTACT, "form": "x"}).status_code
    token = browser.token()
    assert 403 == browser.send("POST", "/login", data={"form": token, "address": CONTACT}).status_code


def test_a_new_factor_is_told_to_all_addresses(site: PortalSite) -> None:
    """Both notice addresses hear that a contact has set up a factor."""
    Browser(site).log_in()
    assert {CONTACT, "giam.doc@haiau.example"} == {letter.recipient for letter in site.letters("portal_news")}


def test_an_address_that_is_no_contact_any_more_is_out(site: PortalSite) -> None:
    """Whoever leaves the register is out with the next request."""
    browser = Browser(site).log_in()
    recipients = dict(site.facts.recipients)
    recipients[HAI_AU] = replace(recipients[HAI_AU], addresses=("giam.doc@haiau.example", "moi@haiau.example"))
    site.facts = replace(site.facts, recipients=recipients)
    assert "/login" == browser.get("/login/second").headers["location"]


def test_asking_again_and_again_sends_three_letters(site: PortalSite) -> None:
    """A mailbox is not flooded with links, whoever asks for them."""
    for _ in range(6):
        Browser(site).post("/login", {"address": OTHER})
    assert 3 == len(site.letters("portal_link"))
