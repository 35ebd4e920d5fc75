"""Tests how breaches are reported by the form: receipts at once, each report once, nothing lost."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

import pytest

from credwatch.kernel.case_entry import EntryKind
from credwatch.kernel.report import ReportWay
from credwatch.store.cases import case_entries, legal_clocks
from portal_site import CONTACT, HAI_AU, Browser, PortalSite

STRANGER = {"company": "Công ty Hải Âu", "sender": "Hà, ha@haiau.example", "what": "Mật khẩu của kế toán bị lộ."}


def _form(browser: Browser) -> dict[str, str]:
    text = browser.get("/report").text
    return {name: re.search(f'name="{name}" value="([^"]+)"', text)[1] for name in ("submission", "begun")}


def _number(text: str) -> str:
    return re.search(r'mono big">(CW-[0-9]{4}-[A-Z0-9]{8})<', text)[1]


def _case(site: PortalSite, number: str):
    with site.database.reading() as connection:
        (entry,) = [one for one in case_entries.entries_of(connection, number) if one.kind is EntryKind.REPORTED]
        return entry, legal_clocks.clocks_of(connection, number)


def test_a_contact_reports_and_has_a_receipt_a_case_and_a_clock(site: PortalSite) -> None:
    """Number, code and time at once; a case that names what was seen of the account; a clock; all addresses told."""
    browser = Browser(site).log_in()
    fields = {**_form(browser), "what": "Kế toán không tự đăng nhập.", "accounts": "KE.TOAN@haiau.example, kho"}
    receipt = browser.post("/report", fields, files=[("files", ("log.txt", b"abc", "text/html"))]).text
    number = _number(receipt)
    entry, clocks = _case(site, number)
    assert (HAI_AU, ReportWay.PAGE, CONTACT) == (entry.report.customer, entry.report.way, entry.report.sender)
    assert ("CW-2026-7KQ2M4AB",) == entry.report.matches
    assert [("report_answer", timedelta(hours=24))] == [(one.workflow, one.due_at - one.started_at) for one in clocks]
    assert {CONTACT, "giam.doc@haiau.example"} == {
        letter.recipient for letter in site.letters("portal_news") if letter.incident == number
    }
    assert ["customer_reported"] == [letter.payload.context["reason"] for letter in site.letters("escalation")]
    (file,) = entry.report.files
    kept = site.settings.daemon.state_directory / "reports" / file.sha256
    assert (b"abc", 0o600) == (kept.read_bytes(), kept.stat().st_mode & 0o777)
    assert hashlib.sha256(b"abc").hexdigest() in receipt
    assert number not in browser.get("/notices").text, "what they reported is no notice of ours"


def test_a_report_sent_twice_is_one(site: PortalSite) -> None:
    """The same form sent again, and the same words in a new form, get the receipt of the first."""
    browser = Browser(site).log_in()
    fields = {**_form(browser), "what": "Có người lạ đăng nhập."}
    numbers = {_number(browser.post("/report", fields).text) for _ in range(2)}
    again = browser.post("/report", {**_form(browser), "what": "Có người lạ đăng nhập."}).text
    assert numbers == {_number(again)}
    assert "đã được tiếp nhận trước đó" in again
    assert 1 == len(site.letters("escalation"))


def test_a_stranger_reports_and_nobody_is_proven(site: PortalSite) -> None:
    """Without logging in a report is taken with what it says of itself; the customer is not told, no match is shown."""
    browser = Browser(site)
    fields = {**_form(browser), **STRANGER, "accounts": "ke.toan@haiau.example"}
    text = browser.post("/report", fields).text
    entry, clocks = _case(site, _number(text))
    assert ("", "Công ty Hải Âu", ()) == (entry.report.customer, entry.report.claimed, entry.report.matches)
    assert [] == clocks
    assert [] == site.letters("portal_news")
    assert "CW-2026-7KQ2M4AB" not in text


@pytest.mark.parametrize(
    ("more", "doubt"), [({"website": "http://spam.example"}, "trap"), ({"begun": "1.made-up"}, "haste"), ({}, "haste")]
)
def test_what_looks_like_spam_is_kept_and_calls_nobody(site: PortalSite, more: dict[str, str], doubt: str) -> None:
    """A filled trap or a form sent too fast: the report is there with its doubts, and no operator is written to."""
    browser = Browser(site)
    entry, _ = _case(site, _number(browser.post("/report", {**_form(browser), **STRANGER, **more}).text))
    assert doubt in entry.report.doubts
    assert [] == site.letters("escalation")


def test_an_honest_stranger_calls_the_operators(site: PortalSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes the time to write is not doubted."""
    from credwatch.web.portal import reporting

    browser = Browser(site)
    form = _form(browser)
    monkeypatch.setattr(reporting, "_HASTE_SECONDS", 0)
    entry, _ = _case(site, _number(browser.post("/report", {**form, **STRANGER}).text))
    assert () == entry.report.doubts
    assert 1 == len(site.letters("escalation"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"what": " "}, "mô tả chuyện gì"),
        ({"company": ""}, "tên doanh nghiệp"),
        ({"occurred": "hôm qua"}, "chưa đúng dạng"),
        ({"what": "x" * 20_001}, "quá dài"),
        ({"accounts": ",".join(f"user{at}" for at in range(51))}, "Quá nhiều tài khoản"),
    ],
)
def test_what_is_missing_is_asked_for_and_the_rest_stays(site: PortalSite, fields: dict[str, str], words: str) -> None:
    """A report that cannot be taken comes back with what was written, and says what is missing."""
    browser = Browser(site)
    answer = browser.post("/report", {**_form(browser), **STRANGER, **fields})
    assert 400 == answer.status_code
    assert words in answer.text
    assert "ha@haiau.example" in answer.text


def test_files_are_bounded_in_number_and_size(site: PortalSite) -> None:
    """Six files, or one of five megabytes: it says which bound, and keeps what was written."""
    browser = Browser(site).log_in()
    fields = {**_form(browser), "what": "xem tệp"}
    six = [("files", (f"{at}.txt", b"x", "text/plain")) for at in range(6)]
    large = [("files", ("a.bin", b"x" * 4_000_001, "text/plain"))]
    for files, words in ((six, "nhiều nhất 5 tệp"), (large, "không quá 4 MB")):
        answer = browser.post("/report", fields, files=files)
        assert (400, True, True) == (answer.status_code, words in answer.text, "xem tệp" in answer.text)


def test_a_file_is_never_handed_out_or_believed(site: PortalSite) -> None:
    """A file with a hostile name and a wrong type is kept as it is, named in one harmless line, and nowhere served."""
    browser = Browser(site).log_in()
    name = "../../etc/<b>x\u202e.html"
    text = browser.post(
        "/report",
        {**_form(browser), "what": "tệp lạ"},
        files=[("files", (name, b"<script>1</script>", "text/html"))],
    ).text
    assert "<b>x" not in text
    entry, _ = _case(site, _number(text))
    sha256 = entry.report.files[0].sha256
    for path in (f"/static/{sha256}", f"/reports/{sha256}", f"/report/{sha256}"):
        assert 404 == browser.get(path).status_code


def test_a_text_in_another_character_set_is_shown_and_not_lost(site: PortalSite) -> None:
    """A form that is no UTF-8 is read as Latin-1: odd, but all there."""
    browser = Browser(site).log_in()
    form = _form(browser)
    body = b"form=%s&submission=%s&begun=%s&what=M%%E5t+kh%%FCu" % tuple(
        value.encode() for value in (browser.token(), form["submission"], form["begun"])
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": site.url}
    answer = browser.send("POST", "/report", content=body, headers=headers)
    entry, _ = _case(site, _number(answer.text))
    assert entry.report.what.startswith("M")
    assert entry.report.what.endswith("u")


def test_strangers_are_bounded_by_the_day_and_customers_are_not(site: PortalSite) -> None:
    """Where strangers have sent their day's number, a stranger is told to call, and a customer reports as ever."""
    portal = site.settings.portal.model_copy(update={"strangers_reports_per_day": 1})
    site.desk._settings = site.settings.model_copy(update={"portal": portal})
    first, second = Browser(site), Browser(site)
    assert 200 == first.post("/report", {**_form(first), **STRANGER}).status_code
    answer = second.post("/report", {**_form(second), **STRANGER, "what": "khác"})
    assert (429, True) == (answer.status_code, "theo số điện thoại" in answer.text)
    contact = Browser(site).log_in()
    assert 200 == contact.post("/report", {**_form(contact), "what": "của khách hàng"}).status_code


def test_a_receipt_says_how_the_report_stands_to_its_holder_alone(site: PortalSite) -> None:
    """Number and code together show the state; a wrong code and a wrong number get one and the same answer."""
    browser = Browser(site).log_in()
    text = browser.post("/report", {**_form(browser), "what": "ai đó"}).text
    number, code = re.findall(r'mono big">([A-Z0-9-]+)<', text)
    other = Browser(site)
    assert "Đang xử lý" in other.post("/receipt", {"number": number, "code": code}).text
    assert "ai đó" not in other.post("/receipt", {"number": number, "code": code}).text
    for wrong in ({"number": number, "code": "AAAA-AAAA-AAAA-AAAA"}, {"number": "CW-1", "code": code}):
        assert "Không có báo cáo nào" in other.post("/receipt", wrong).text
    assert "do chúng tôi gửi" in other.post("/check", {"number": number, "code": code}).text
