"""Drives the customers' pages in Debian's Chromium: wide and narrow, in both languages, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page

from access_office import a_request, an_order
from child_server import a_free_port
from credwatch.kernel.detection import Level
from credwatch.store.portal import passkeys
from credwatch.world.access import awaits_customer
from portal_site import CONTACT, HAI_AU, PortalSite, served
from real.portal_pages import NARROW, WIDE, a_browser_page, look, with_a_passkey

pytestmark = [pytest.mark.real, pytest.mark.slow]
NUMBER = "CW-2026-7KQ2M4AB"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PortalSite]:
    """Serve the pages on loopback, with notices, an act of staff and an incident of several accounts."""
    port = a_free_port()
    site = PortalSite(tmp_path, monkeypatch, url=f"http://localhost:{port}", options=f"port = {port}\n")
    site.tell()
    accounts = tuple(f"{name}@haiau.example" for name in ("ke.toan", "kho", "ban.hang.mien-trung-tay-nguyen"))
    earlier = site.clock() - timedelta(days=2)
    site.tell(number="CW-2026-3PTREEAB", kind="mfa_fatigue", accounts=accounts, occurred_last=earlier)
    site.tell(
        number="CW-2026-STAFFAAA",
        kind="authorised_disclosure",
        subject="giam.doc@haiau.example",
        accounts=("thao@vendor.example",),
        workflows=("disclosure_notice",),
        details=(
            ("credwatch.actor.department", "support"),
            ("credwatch.actor.kind", "staff"),
            ("credwatch.authorisation.id", "order-118"),
            ("event.action", "staff_access"),
            ("user.target.name", "giam.doc@haiau.example"),
        ),
    )
    now = site.clock()
    times = {"starts_at": now, "ends_at": now + timedelta(hours=2)}
    site.desk.ask(a_request(**times), "minh")
    site.desk.ask(an_order(**times), "minh")
    withdrawn = site.desk.ask(a_request(**times, accounts=accounts), "minh")
    site.desk.refuse(withdrawn, "minh", "not needed")
    with served(site):
        yield site
    site.close()


def _open_link(page: Page, site: PortalSite, name: str) -> None:
    page.goto(f"{site.url}/login")
    look(page, f"{name}-login")
    page.get_by_role("textbox").fill(CONTACT)
    page.locator("main button").click()
    page.wait_for_selector("[role=status]")
    look(page, f"{name}-login-sent")
    page.goto(str(site.letters("portal_link")[-1].payload.context["url"]))
    look(page, f"{name}-login-link")
    page.locator("main button").click()
    page.wait_for_url("**/login/second")


def test_a_contact_with_a_passkey_answers_that_it_was_not_them(site: PortalSite) -> None:
    """On a wide screen in Vietnamese: a passkey is made and used, a notice answered, a breach reported, all legible."""
    with a_browser_page(WIDE, "vi-VN") as page:
        with_a_passkey(page)
        page.goto(site.url)
        look(page, "wide-start")
        _open_link(page, site, "wide")
        look(page, "wide-second-new")
        page.locator("form[data-passkey=make] button").click()
        page.wait_for_url("**/notices")
        with site.database.reading() as connection:
            (made,) = passkeys.passkeys_of(connection, HAI_AU, CONTACT)
        look(page, "wide-notices")
        page.get_by_role("button", name="Đăng xuất").click()
        page.wait_for_url(f"{site.url}/")
        _open_link(page, site, "wide-again")
        look(page, "wide-second")
        page.locator("form[data-passkey=use] button").click()
        page.wait_for_url("**/notices")
        with site.database.reading() as connection:
            assert made.sign_count < passkeys.passkeys_of(connection, HAI_AU, CONTACT)[0].sign_count
        page.locator(f"a[href='/notices/{NUMBER}']").click()
        look(page, "wide-notice")
        page.get_by_label("Không phải chúng tôi").check()
        page.get_by_label("Ghi chú").fill("Chị Hoa đang nghỉ phép, không ai dùng tài khoản này.")
        page.get_by_role("button", name="Gửi câu trả lời").click()
        page.wait_for_url("**done=yes")
        look(page, "wide-notice-answered")
        assert Level.CRITICAL is site.incident(NUMBER).level
        page.goto(f"{site.url}/touches")
        look(page, "wide-touches")
        page.get_by_label("Ý kiến của Quý khách").fill("Chúng tôi đã nhờ việc này.")
        page.get_by_role("button", name="Đồng ý AR-").click()
        page.wait_for_url("**done=yes")
        look(page, "wide-touches-agreed")
        assert not any(awaits_customer(one.request) for one in site.desk.requests_of(HAI_AU))
        page.goto(f"{site.url}/addresses")
        page.get_by_label("Thêm địa chỉ").fill("bao.mat@haiau.example")
        page.locator("form.card", has=page.get_by_label("Thêm địa chỉ")).get_by_role("button").click()
        page.wait_for_selector("text=CC-")
        look(page, "wide-addresses")
        page.goto(f"{site.url}/report")
        page.get_by_label("Chuyện gì đã xảy ra?").fill("Kế toán nhận được mã OTP mà không tự đăng nhập.")
        page.get_by_label("Các tài khoản liên quan").fill("ke.toan@haiau.example")
        page.set_input_files("input[type=file]", {"name": "nhat-ky.txt", "mimeType": "text/plain", "buffer": b"x"})
        look(page, "wide-report")
        page.get_by_role("button", name="Gửi báo cáo").click()
        page.wait_for_selector(".note.good")
        look(page, "wide-receipt")
        with page.expect_download() as download:
            page.goto(f"{site.url}/notices/{NUMBER}")
            page.get_by_role("link", name="Tải bằng chứng").click()
        assert f"{NUMBER}.zip" == download.value.suggested_filename


def test_on_a_telephone_with_the_keyboard_alone(site: PortalSite) -> None:
    """On a narrow screen in English, without a mouse: app and codes, an answer, a check; every page fits."""
    with a_browser_page(NARROW, "en-GB") as page:
        page.goto(site.url)
        look(page, "narrow-start")
        page.keyboard.press("Tab")
        assert "Skip to the content" == page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        _open_link(page, site, "narrow")
        look(page, "narrow-second-new")
        page.get_by_role("button", name="Set up an app").focus()
        page.keyboard.press("Enter")
        secret = page.locator("#secret").inner_text().replace(" ", "")
        look(page, "narrow-app-new")
        page.get_by_label("Code").focus()
        page.keyboard.type(pyotp.TOTP(secret).now())
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Your recovery codes")
        look(page, "narrow-recovery-codes")
        page.get_by_role("link", name="I have kept them").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/notices")
        look(page, "narrow-notices")
        page.goto(f"{site.url}/notices/CW-2026-3PTREEAB")
        first = page.locator("input[type=radio]").first
        first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        assert "not-us" == page.evaluate("document.activeElement.value")
        look(page, "narrow-notice")
        page.get_by_role("button", name="Send the answer").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**done=yes")
        for path in ("touches", "addresses", "report", "check", "receipt", "stop", "nowhere"):
            page.goto(f"{site.url}/{path}")
            look(page, f"narrow-{path}")
        page.goto(f"{site.url}/check")
        code = str(site.letters("customer_notice")[0].payload.context["code"])
        for label, text in (("Incident number", NUMBER), ("Verification code", code)):
            page.get_by_label(label).focus()
            page.keyboard.type(text)
        page.keyboard.press("Enter")
        page.wait_for_selector("text=This letter is ours")
        look(page, "narrow-check-genuine")


def test_without_a_script_all_but_passkeys_works(site: PortalSite) -> None:
    """A browser that runs no script checks a notice, and its policy lets none of the page's own run either."""
    with a_browser_page(WIDE, "vi-VN") as page:
        page.goto(f"{site.url}/check")
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.bad = 1\">')")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.bad === undefined")
        page.goto(f"{site.url}/report?language=en")
        look(page, "wide-report-stranger-en")
        page.goto(f"{site.url}/check?language=en")
        look(page, "wide-check-en")
