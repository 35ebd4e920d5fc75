"""Tests what every request passes before a page sees it."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from credwatch.web.portal.guard import CpuShare, pace_key, visitor_address
from credwatch.web.portal.options import PortalOptions
from credwatch.web.push.connection import SHIPPER, Shipper
from portal_site import Browser, PortalSite


def test_every_answer_has_the_headers(site: PortalSite) -> None:
    """Pages, refusals, redirections and what is not there: none may be framed, cached or scripted."""
    browser = Browser(site)
    answers = [browser.get(path) for path in ("/", "/nowhere", "/notices", "/login/second")]
    assert [200, 404, 303, 303] == [answer.status_code for answer in answers]
    answers += [browser.send("GET", "/", headers={"Host": "evil.example"}), browser.send("PUT", "/check")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "no-store" == answer.headers["cache-control"]
        assert "same-origin" == answer.headers["referrer-policy"]
        assert "nosniff" == answer.headers["x-content-type-options"]


def test_another_host_is_not_served(site: PortalSite) -> None:
    """A request that names another host gets nothing (DNS rebinding, cache poisoning)."""
    assert 421 == Browser(site).send("GET", "/", headers={"Host": "evil.example"}).status_code


def test_no_page_has_script_or_style_of_its_own(site: PortalSite) -> None:
    """Scripts and styles come as files alone, so that the policy need not allow any other."""
    browser = Browser(site)
    for path in ("/", "/check", "/login", "/nowhere"):
        text = browser.get(path).text
        assert "<style" not in text
        assert "style=" not in text
        assert " onclick" not in text


def test_too_large_a_body_and_a_torn_form_are_refused(site: PortalSite) -> None:
    """Thirteen megabytes are not read, and what is no form is said to be none."""
    browser = Browser(site)
    headers = {"Origin": site.url, "Content-Type": "multipart/form-data; boundary=x"}
    assert 413 == browser.send("POST", "/check", content=b"x" * 13_000_000, headers=headers).status_code
    browser.get("/")
    assert 403 == browser.send("POST", "/check", content=b"--x\r\ntorn", headers=headers).status_code
    assert 400 == browser.send("POST", "/check", json={"a": 1}, headers={"Origin": site.url}).status_code


def test_languages_are_chosen_and_remembered(site: PortalSite) -> None:
    """Vietnamese comes first, a browser that prefers English gets it, and a choice stays."""
    browser = Browser(site)
    assert 'lang="vi"' in browser.get("/").text
    assert 'lang="en"' in browser.get("/", **{"Accept-Language": "en-GB,en;q=0.8"}).text
    assert 'lang="en"' in browser.get("/?language=en").text
    assert 'lang="en"' in browser.get("/check").text


def test_one_address_is_slowed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a minute's requests at once are told to come back."""
    site = PortalSite(tmp_path, monkeypatch)
    site.settings = site.settings.model_copy(
        update={"portal": site.settings.portal.model_copy(update={"requests_per_minute": 10})}
    )
    browser = Browser(site)
    answers = [browser.get("/") for _ in range(11)]
    assert [200] * 10 + [429] == [answer.status_code for answer in answers]
    assert 0 < int(answers[-1].headers["retry-after"])
    site.close()


def test_the_share_of_the_processor_is_kept() -> None:
    """What takes more than its share waits until the share has made up for it."""
    now = [0.0]
    share = CpuShare(0.5, clock=lambda: now[0])
    share._left = -1.0
    assert 2.0 == share.wait()
    now[0] = 3.0
    assert 0.0 == share.wait()


def _asked(peer: str, *headers: tuple[str, str]) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": raw, SHIPPER: Shipper(peer)})


@pytest.mark.parametrize(
    ("peer", "header", "expected"),
    [
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.1, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "made up", "127.0.0.1"),
        ("192.0.2.9", "198.51.100.7", "192.0.2.9"),
        ("", "198.51.100.7", "198.51.100.7"),
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str, header: str, expected: str) -> None:
    """The header counts where a trusted proxy sends it, and its last address then; a visitor cannot choose one."""
    options = PortalOptions(trusted_proxies=("127.0.0.0/8", "unix"))
    assert expected == visitor_address(_asked(peer, ("x-forwarded-for", header)), options)
    assert peer == visitor_address(_asked(peer, ("x-forwarded-for", header)), PortalOptions())


def test_a_network_of_ipv6_shares_a_pace() -> None:
    """Two addresses of one /64 are one visitor; two of IPv4 are two."""
    assert pace_key("2001:db8::1") == pace_key("2001:db8::2")
    assert pace_key("198.51.100.1") != pace_key("198.51.100.2")
