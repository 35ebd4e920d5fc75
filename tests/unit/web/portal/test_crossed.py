"""Nobody reaches what is another customer's: every address of the pages, asked by the wrong contact."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from access_office import a_request
from credwatch.store.cases import case_entries
from portal_site import BLUE_HARBOR, OTHER, Browser, PortalSite

THEIRS = "CW-2026-THEIRSAA"
_MARKS = ("blueharbor", "Blue Harbor", "BLUE-SECRET")


@pytest.fixture
def crossed(site: PortalSite) -> tuple[Browser, dict[str, list[str]]]:
    """Give the one customer's contact, and whatever names something of the other's, by the parameter of its address."""
    site.tell(
        number=THEIRS,
        organization=BLUE_HARBOR,
        organizations=(BLUE_HARBOR,),
        subject="mei@blueharbor.example",
        accounts=("mei@blueharbor.example",),
        details=(("credwatch.actor.kind", "staff"), ("event.action", "staff_access")),
    )
    other = Browser(site).log_in(OTHER)
    form = other.get("/report").text
    fields = {name: re.search(f'name="{name}" value="([^"]+)"', form)[1] for name in ("submission", "begun")}
    receipt = other.post("/report", {**fields, "what": "BLUE-SECRET"}).text
    number = re.search(r"CW-[0-9]{4}-[A-Z0-9]{8}", receipt)[0]
    other.post("/addresses", {"kind": "address_added", "value": "new@blueharbor.example", "submission": "s"})
    change = re.search(r"CC-[A-Z0-9]{8}", other.get("/addresses").text)[0]
    now = site.clock()
    access = a_request(customer=BLUE_HARBOR, reason="BLUE-SECRET", starts_at=now, ends_at=now + timedelta(hours=2))
    names = {"number": [THEIRS, number], "change": [change], "request": [site.desk.ask(access, "minh")]}
    return Browser(site).log_in(), {**names, "token": ["x"], "name": ["x"]}


def test_every_address_crossed_gives_nothing_of_the_other(
    site: PortalSite, crossed: tuple[Browser, dict[str, list[str]]]
) -> None:
    """With the other's numbers in it, each address answers 404 or 4xx; without, it names nothing of the other."""
    browser, values = crossed
    for route in (route for route in site.app.routes if isinstance(route, Route)):
        parameters = re.findall(r"{(\w+)}", route.path)
        paths = [route.path]
        for name in parameters:
            paths = [path.replace(f"{{{name}}}", value) for path in paths for value in values[name]]
        for path in paths:
            _hold(browser, route, path, is_crossed=bool(parameters))
    with site.database.reading() as connection:
        assert not [entry for entry in case_entries.entries_of(connection, THEIRS) if entry.answer]


def _hold(browser: Browser, route: Route, path: str, *, is_crossed: bool) -> None:
    if path == "/logout":
        return
    is_get = "GET" in (route.methods or ())
    answer = browser.get(path) if is_get else browser.post(path, {"said": "not-us", "submission": "x"})
    assert answer.status_code < 500, path
    if is_crossed:
        assert answer.status_code in (401, 403, 404), path
    for mark in _MARKS:
        assert mark not in answer.text, path


def test_whatever_stands_in_an_address_is_answered(
    site: PortalSite, crossed: tuple[Browser, dict[str, list[str]]]
) -> None:
    """Any text as a number, with any suffix of the other's, is not there."""
    browser, _ = crossed

    @given(number=st.text(st.characters(codec="utf-8", exclude_characters="/?#"), min_size=1, max_size=40))
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def ask(number: str) -> None:
        for odd in (number, f"{THEIRS}{number}", f"{number}{THEIRS}"):
            answer = browser.get(f"/notices/{quote(odd, safe='')}")
            assert answer.status_code == 404

    ask()
