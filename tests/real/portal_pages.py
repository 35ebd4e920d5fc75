"""The customers' pages as a real Chromium sees them: served on loopback, with pictures where somebody wants them."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, sync_playwright

from credwatch.web.portal.server import serve_portal
from portal_site import PortalSite

CHROMIUM = Path("/usr/bin/chromium")
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}


def free_port() -> int:
    """Return a port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(site: PortalSite) -> Iterator[None]:
    """Serve the pages in a thread, until the block is left."""
    loop, stop, listening = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    serving = serve_portal(site.app, site.settings.portal, stop=stop, listening=lambda _place: listening.set())
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,))
    thread.start()
    try:
        assert listening.wait(60)
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()


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
