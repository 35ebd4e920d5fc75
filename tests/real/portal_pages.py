"""The customers' pages as a real Chromium sees them: served on loopback, with pictures where somebody wants them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}


@contextmanager
def a_browser_page(size: ViewportSize, language: str) -> Iterator[Page]:
    """Open an empty page; skips where Debian's Chromium is missing."""
    if not CHROMIUM.exists():
        pytest.skip("needs the Debian package chromium")
    with sync_playwright() as playwright:
        # Root has no user namespace to put a sandbox into, and the pages are our own.
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            context = browser.new_context(viewport=size, locale=language, timezone_id="Asia/Ho_Chi_Minh")
            page = context.new_page()
            page.set_default_timeout(30_000)
            yield page
        finally:
            with suppress(Exception):
                browser.close()


def look(page: Page, name: str) -> None:
    """Hold a page to what all must keep: nothing overflows, axe-core finds nothing; take a picture where asked."""
    if folder := os.environ.get("CREDWATCH_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert 0 == overflow, f"{name} is wider than the screen"
    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert 0 == found.violations_count, f"{name}: {found.generate_report()}"


def with_a_passkey(page: Page) -> None:
    """Give the browser an authenticator that confirms whatever it is asked."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
