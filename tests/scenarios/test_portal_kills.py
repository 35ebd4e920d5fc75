"""The daemon is killed while customers report and answer: each report and answer is there once, and none is lost."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from child_server import a_free_port
from credwatch.kernel.case_entry import EntryKind
from credwatch.kernel.clock import system_clock
from credwatch.sources.push.tokens import new_token
from credwatch.store.cases import case_entries
from credwatch.store.database import Database
from credwatch.store.portal import reports, sessions
from credwatch.store.portal.sessions import LiveSession, Stage
from credwatch.web.portal import browser
from portal_site import CONTACT, HAI_AU, PortalSite
from scenarios.daemon import RUN_UNCHECKED, Site
from scenarios.site_files import CUSTOMERS, SETTINGS

NUMBER = "CW-2026-7KQ2M4AB"
KILLS, REPORTS = 3, 24


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, str, str]]:
    """Give a daemon that serves the pages, a token of the customer, and the token of a contact's session."""
    port = a_free_port()
    token, known = new_token(HAI_AU)
    before = PortalSite(tmp_path, monkeypatch, url=f"http://localhost:{port}", options=f"port = {port}\n")
    before.tell()
    session, now = browser.new_token(), system_clock()
    with before.database.writing() as connection:
        full = LiveSession(browser.digest(session), HAI_AU, CONTACT, Stage.FULL, now, now, now + timedelta(hours=1))
        sessions.begin_session(connection, full)
    before.close()
    pages = f'[portal]\nenabled = true\npublic_url = "http://localhost:{port}"\nport = {port}\ncpu_share = 4\n'
    customers = CUSTOMERS.replace('id = "hai-au"\n', f'id = "hai-au"\nreport_token_hashes = ["{known}"]\n')
    site = Site(tmp_path, port=25, settings=SETTINGS + pages + "requests_per_minute = 100000\n", command=RUN_UNCHECKED)
    site.registers["customers"] = customers
    site.furnish()
    site.start()
    yield site, token.reveal(), session
    site.kill()


@pytest.mark.slow
def test_no_report_and_no_answer_is_lost_or_doubled(killed: tuple[Site, str, str]) -> None:
    """Senders repeat until they have a receipt, through three kills: one case for each, one entry for each answer."""
    site, token, session = killed
    url = f"http://localhost:{_port(site)}"
    receipts: dict[str, str] = {}
    answered: list[str] = []
    ends = threading.Event()
    senders = [
        threading.Thread(target=_report, args=(url, token, receipts)),
        threading.Thread(target=_answer, args=(url, session, answered)),
        threading.Thread(target=_kill, args=(site, receipts, ends)),
    ]
    for sender in senders:
        sender.start()
    for sender in senders[:2]:
        sender.join(400)
    ends.set()
    senders[2].join(200)
    assert REPORTS == len(receipts) == len(set(receipts.values()))
    assert REPORTS == len(answered)
    database = Database(site.folder / "state" / "credwatch.sqlite")
    with database.reading() as connection:
        numbers = list(connection.execute(select(reports.customer_reports.c.incident)).scalars())
        entries = case_entries.entries_of(connection, NUMBER)
        reported = [
            entry
            for number in numbers
            for entry in case_entries.entries_of(connection, number)
            if entry.kind is EntryKind.REPORTED
        ]
    database.close()
    assert Counter(receipts.values()) == Counter(numbers) == Counter(entry.incident for entry in reported)
    assert Counter(answered) == Counter(entry.text for entry in entries if entry.kind is EntryKind.ANSWERED)


def _port(site: Site) -> str:
    return site.config.read_text(encoding="utf-8").rpartition("localhost:")[2].partition('"')[0]


def _until(ask: Any, is_done: Any) -> httpx.Response:
    """Ask again until there is an answer that counts; a daemon that is just dead refuses or cuts the connection."""
    while True:
        try:
            answer = ask()
        except httpx.HTTPError:
            time.sleep(0.1)
            continue
        if is_done(answer):
            return answer
        time.sleep(0.2)


def _report(url: str, token: str, receipts: dict[str, str]) -> None:
    for at in range(REPORTS):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"key-{at}"}
        body = {"what": f"report {at}", "accounts": ["ke.toan@haiau.example"]}
        answer = _until(
            lambda body=body, headers=headers: httpx.post(
                f"{url}/api/v1/reports", json=body, headers=headers, timeout=30
            ),
            lambda answer: answer.status_code in (200, 201),
        )
        receipts[f"key-{at}"] = answer.json()["number"]


def _answer(url: str, session: str, answered: list[str]) -> None:
    mine = browser.new_token()
    headers = {"Cookie": f"{browser.BROWSER}={mine}; {browser.SESSION}={session}", "Origin": url}
    for at in range(REPORTS):
        fields = {"form": browser.form_token(mine), "said-0": "that-was-us", "text": f"{at}", "submission": f"s{at}"}
        _until(
            lambda fields=fields: httpx.post(f"{url}/notices/{NUMBER}", data=fields, headers=headers, timeout=30),
            lambda answer: answer.status_code == 303 and "done" in answer.headers["location"],
        )
        answered.append(f"{at}")


def _kill(site: Site, receipts: dict[str, str], ends: threading.Event) -> None:
    """Kill the daemon when some more reports have come, at moments that nobody chose, and start it again."""
    moments = random.Random(16)
    for kill in range(1, KILLS + 1):
        while len(receipts) < kill * REPORTS // (KILLS + 1):
            if ends.wait(0.02):
                return
        time.sleep(0.3 * moments.random())
        site.kill()
        site.start()
