"""Tests the contact of the demonstration against the pages as they are served."""

from __future__ import annotations

from pathlib import Path

import pytest

from child_server import a_free_port
from credwatch.demo.visitor import Visitor
from credwatch.kernel.detection import Level
from portal_site import CONTACT, PortalSite, served


def test_the_contact_logs_in_and_says_that_it_was_not_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By nothing but the pages and the letter: the incident is critical afterwards, and operators are written to."""
    port = a_free_port()
    site = PortalSite(tmp_path, monkeypatch, url=f"http://localhost:{port}", options=f"port = {port}\n")
    incident = site.tell()
    with served(site):
        letters = lambda: [str(letter.payload.context["url"]) for letter in site.letters("portal_link")]  # noqa: E731
        Visitor(site.url, letters).answer(CONTACT, incident.number, "Không phải chúng tôi.")
    assert Level.CRITICAL is site.incident(incident.number).level
    assert ["disowned"] == [letter.payload.context["reason"] for letter in site.letters("escalation")]
    site.close()
