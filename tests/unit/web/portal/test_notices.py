"""Tests what a contact sees of notices, and what an answer does."""

from __future__ import annotations

import zipfile
from datetime import timedelta
from hashlib import sha256
from io import BytesIO

import pytest
from msgspec.structs import replace

from builders_measures import a_measure
from credwatch.app.regimes import shipped_regimes
from credwatch.app.settings import RegimesOptions
from credwatch.casework.acts import Actor
from credwatch.casework.customer_desk import CustomerDesk
from credwatch.casework.packaging import Packaging
from credwatch.kernel.case_entry import Statement, Way
from credwatch.kernel.detection import Level
from credwatch.kernel.incident import Incident
from credwatch.kernel.measure import MeasureAction, MeasureState
from credwatch.store.cases import case_entries, legal_clocks
from credwatch.store.measures import save_measures
from credwatch.workflows.regimes import regime_clocks
from portal_site import BLUE_HARBOR, CONTACT, HAI_AU, OTHER, Browser, PortalSite

NUMBER = "CW-2026-7KQ2M4AB"


def _answers(site: PortalSite, number: str = NUMBER):
    with site.database.reading() as connection:
        return [entry for entry in case_entries.entries_of(connection, number) if entry.answer]


def _submission(text: str) -> str:
    return text.split('name="submission" value="')[1].split('"')[0]


def test_a_contact_reads_a_notice_and_says_that_it_was_not_them(site: PortalSite) -> None:
    """The notice is listed and shown; the answer stands in the case, makes it critical, and calls the operators."""
    browser = Browser(site).log_in()
    assert NUMBER in browser.get("/notices").text
    shown = browser.get(f"/notices/{NUMBER}").text
    assert "ke.toan@haiau.example" in shown
    assert "203.0.113.7" in shown
    answer = {"said-0": "not-us", "text": "Chị Hoa nghỉ phép.", "submission": _submission(shown)}
    for _ in range(2):
        assert 303 == browser.post(f"/notices/{NUMBER}", answer).status_code
    (entry,) = _answers(site)
    assert (Statement.NOT_OURS, Way.PAGES, CONTACT) == (entry.answer.statement, entry.answer.way, entry.answer.party)
    assert (("ke.toan@haiau.example",), HAI_AU) == (entry.answer.accounts, entry.customer)
    assert Level.CRITICAL is site.incident(NUMBER).level
    assert ["disowned"] == [letter.payload.context["reason"] for letter in site.letters("escalation")]
    assert "Không phải chúng tôi" in browser.get("/notices").text


def test_a_contact_sees_what_was_done_and_no_dry_run(site: PortalSite) -> None:
    """A lock that is in force is told with its end, another customer's and a dry run's are not."""
    until = site.clock() + timedelta(hours=1)
    about = {"incident": NUMBER, "organization": HAI_AU, "target": "ke.toan@haiau.example", "done_at": site.clock()}
    lock = a_measure(**about, state=MeasureState.IN_FORCE, until=until)
    reset = a_measure(**about, id="dry", action=MeasureAction.FORCE_RESET, dry=True)
    others = a_measure(**about | {"organization": BLUE_HARBOR}, id="others", action=MeasureAction.END_SESSIONS)
    browser = Browser(site).log_in()
    assert "Biện pháp chúng tôi đã thực hiện" not in browser.get(f"/notices/{NUMBER}").text
    with site.database.writing() as connection:
        save_measures(connection, [lock, reset, others], site.clock())
    shown = browser.get(f"/notices/{NUMBER}").text
    assert "Đã khóa tài khoản ke.toan@haiau.example đến" in shown
    assert "mật khẩu của tài khoản" not in shown
    assert "phiên đăng nhập của tài khoản" not in shown


def test_each_account_has_an_answer_of_its_own(site: PortalSite) -> None:
    """Of two accounts one was theirs and the other not: both are written down, each with its accounts."""
    accounts = ("ke.toan@haiau.example", "kho@haiau.example")
    site.tell(number="CW-2026-TWOTWOAA", accounts=accounts, kind="mfa_fatigue")
    browser = Browser(site).log_in()
    shown = browser.get("/notices/CW-2026-TWOTWOAA").text
    said = {"said-0": "that-was-us", "said-1": "not-us", "submission": _submission(shown)}
    browser.post("/notices/CW-2026-TWOTWOAA", said)
    entries = _answers(site, "CW-2026-TWOTWOAA")
    assert {Statement.OURS: accounts[:1], Statement.NOT_OURS: accounts[1:]} == {
        entry.answer.statement: entry.answer.accounts for entry in entries
    }


def test_an_answer_without_a_choice_keeps_what_was_written(site: PortalSite) -> None:
    """Nobody has to write their words twice, and nothing is recorded."""
    browser = Browser(site).log_in()
    answer = browser.post(f"/notices/{NUMBER}", {"text": "<script>alert(1)</script>", "submission": "x"})
    assert 400 == answer.status_code
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert [] == _answers(site)


def test_what_is_held_is_not_shown(site: PortalSite) -> None:
    """An incident whose notice waits for a person is not there for its customer."""
    site.tell(number="CW-2026-HELDHELD", history=True, kind="mfa_fatigue")
    browser = Browser(site).log_in()
    assert "CW-2026-HELDHELD" not in browser.get("/notices").text
    assert 404 == browser.get("/notices/CW-2026-HELDHELD").status_code


def test_each_touch_of_staff_is_shown_with_its_grounds(site: PortalSite) -> None:
    """An act on a court's order is listed with department, document and issuer, and without the person."""
    _touched(site)
    text = Browser(site).log_in().get("/touches").text
    for words in ("truy cập tài khoản", "Tòa án nhân dân tỉnh Khánh Hòa", "118/2026", "giam.doc@haiau.example"):
        assert words in text
    assert "thao@vendor.example" not in text


def _touched(site: PortalSite, **changes: object) -> Incident:
    details = (
        ("credwatch.actor.department", "support"),
        ("credwatch.actor.kind", "staff"),
        ("credwatch.authorisation.id", "order-118"),
        ("event.action", "staff_access"),
        ("user.target.name", "giam.doc@haiau.example"),
    )
    return site.tell(
        number="CW-2026-STAFFAAA",
        kind="authorised_disclosure",
        subject="giam.doc@haiau.example",
        accounts=("thao@vendor.example",),
        workflows=("disclosure_notice",),
        details=details,
        **changes,
    )


def test_the_evidence_is_a_signed_archive_of_what_the_customer_got(site: PortalSite) -> None:
    """The archive has the letters as sent, their receipts and the customer's audit entries, and is gone afterwards."""
    browser = Browser(site).log_in()
    answer = browser.get(f"/notices/{NUMBER}/evidence")
    assert "attachment" in answer.headers["content-disposition"]
    names = zipfile.ZipFile(BytesIO(answer.content)).namelist()
    assert "receipts.json" in names
    assert any(name.startswith("messages/") for name in names)
    assert [] == list((site.settings.daemon.state_directory / "portal").iterdir())


def test_who_takes_the_evidence_takes_the_package_and_meets_its_clock(site: PortalSite) -> None:
    """What was put together for the customer is in the archive, and the case notes who took it and when."""
    regimes = {"": (shipped_regimes()["vn-processor"],)}
    incident = site.incident(NUMBER)
    with site.database.writing() as connection:
        clocks = regime_clocks(incident, replace(site.facts, regimes=regimes))
        legal_clocks.save_clocks(connection, clocks)
    recording = site.settings.model_copy(update={"regimes": RegimesOptions(own=("vn-processor",))})
    site.desk = CustomerDesk(recording, site.database, lambda: replace(site.facts, regimes=regimes), site.clock)
    (made,) = Packaging(recording, site.database).package(
        NUMBER, Actor("lan", site.clock()), site.settings.daemon.state_directory
    )
    answer = Browser(site).log_in().get(f"/notices/{NUMBER}/evidence")
    archive = zipfile.ZipFile(BytesIO(answer.content))
    (name,) = [name for name in archive.namelist() if name.startswith("package/")]
    assert made.sha256 == sha256(archive.read(name)).hexdigest()
    with site.database.reading() as connection:
        (clock,) = [it for it in legal_clocks.clocks_of(connection, NUMBER) if it.phase == "package"]
        last = case_entries.entries_of(connection, NUMBER)[-1]
    assert clock.met_at is not None
    assert "it@haiau.example took the package" in last.text


@pytest.mark.parametrize("path", ["", "/evidence"])
def test_another_customers_incident_is_not_there(site: PortalSite, path: str) -> None:
    """Of another customer's incident nobody learns even that there is one, by reading or by writing."""
    other = site.tell(
        number="CW-2026-OTHERAAA",
        organization=BLUE_HARBOR,
        organizations=(BLUE_HARBOR,),
        subject="mei@blueharbor.example",
        accounts=("mei@blueharbor.example",),
    )
    mine, theirs = Browser(site).log_in(), Browser(site).log_in(OTHER)
    assert 200 == theirs.get(f"/notices/{other.number}{path}").status_code
    missing = mine.get(f"/notices/CW-2026-NOTHERE1{path}")
    crossed = mine.get(f"/notices/{other.number}{path}")
    assert (404, missing.text) == (crossed.status_code, crossed.text.replace(other.number, "CW-2026-NOTHERE1"))
    said = {"said-0": "that-was-us", "said": "that-was-us", "submission": "x"}
    assert 404 == mine.post(f"/notices/{other.number}", said).status_code
    assert [] == _answers(site, other.number)


def test_of_a_common_incident_each_sees_its_own_accounts(site: PortalSite) -> None:
    """Where one incident touches two customers, neither reads the other's accounts, addresses or answers."""
    both = (HAI_AU, BLUE_HARBOR)
    accounts = ("ke.toan@haiau.example", "mei@blueharbor.example")
    shared = site.tell(number="CW-2026-SHAREDAA", organizations=both, accounts=accounts, kind="password_spray")
    mine, theirs = Browser(site).log_in(), Browser(site).log_in(OTHER)
    page = mine.get(f"/notices/{shared.number}").text
    mine.post(f"/notices/{shared.number}", {"said-0": "not-us", "text": "bí mật", "submission": _submission(page)})
    page, other = mine.get(f"/notices/{shared.number}").text, theirs.get(f"/notices/{shared.number}").text
    assert "ke.toan@haiau.example" in page
    assert "blueharbor" not in page
    assert "mei@blueharbor.example" in other
    for words in ("haiau", "bí mật", "Hải Âu"):
        assert words not in other
    archive = zipfile.ZipFile(BytesIO(theirs.get(f"/notices/{shared.number}/evidence").content))
    assert all(b"haiau" not in archive.read(name) for name in archive.namelist())


def test_a_closed_incident_says_what_came_of_it(site: PortalSite) -> None:
    """Its state is there, and an answer is still taken."""
    from credwatch.kernel.incident import Resolution, Status
    from credwatch.store.cases import incidents

    closed = replace(site.incident(NUMBER), status=Status.CLOSED, outcome=Resolution.CONFIRMED)
    with site.database.writing() as connection:
        incidents.save_incidents(connection, [closed])
    browser = Browser(site).log_in()
    page = browser.get(f"/notices/{NUMBER}").text
    assert "Đã xử lý xong" in page
    assert 303 == browser.post(f"/notices/{NUMBER}", {"said-0": "unclear", "submission": "y"}).status_code
