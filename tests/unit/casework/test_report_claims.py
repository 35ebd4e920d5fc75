"""A report by mail from another credwatch: its part for programs is read strictly, and believed of its sender alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from credwatch.inbox.mail import MailKind
from credwatch.inbox.reading import read_mail
from credwatch.kernel.incident import Incident
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.kernel.report import CustomerReport
from credwatch.kernel.report_part import REPORT_TYPE, read_part
from credwatch.kernel.resources import shipped
from credwatch.store.portal import reports
from incoming_mail import PROVEN, MailSite, a_mail, read
from portal_site import BLUE_HARBOR, HAI_AU
from reporting_customer import ACCOUNTS, BEGAN, NUMBER, a_closing, a_joint, a_report, rendered

SCHEMA = json.loads((shipped("config") / "schemas" / "credwatch-report.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSite]:
    """Make the vendor's desk, and an incident of one of the accounts that its own daemon saw."""
    site = MailSite(tmp_path, monkeypatch)
    site.tell()
    yield site
    site.close()


def proven(command: Any) -> bytes:
    return rendered(command, Authentication_Results=PROVEN)


def the_report(site: MailSite) -> CustomerReport:
    """Return the one report that was taken in."""
    number = next(mail.incident for mail in site.mails() if mail.outcome is MailOutcome.REPORTED)
    with site.database.reading() as connection:
        report = reports.report_numbered(connection, number)
    assert report is not None
    return report


def the_case(site: MailSite) -> Incident:
    return site.incident(the_report(site).number)


def a_part(**changes: Any) -> dict[str, Any]:
    """Build a part that is as its schema says, or not, as the test says."""
    moment = "2026-11-20T02:00:00Z"
    matter = {"incident": NUMBER, "kind": "account_takeover", "level": "high", "accounts": [*ACCOUNTS]}
    matter |= {"occurred_first": moment, "occurred_last": moment, "detected_at": moment}
    values = {"schema": "credwatch-report/1", "stage": "report", "matters": [matter]}
    return (
        values
        | {name: value for name, value in changes.items() if name not in matter}
        | (
            {"matters": [matter | {name: changes[name] for name in changes if name in matter}]}
            if {*changes} & {*matter}
            else {}
        )
    )


def with_part(*parts: bytes) -> bytes:
    """Build a proven contact's mail with parts as attachments."""
    message = message_from_bytes(a_mail("see the part"), policy=SMTP)
    for part in parts:
        message.add_attachment(part, maintype="application", subtype=REPORT_TYPE.partition("/")[2], filename="r.json")
    return bytes(message)


def test_a_report_brings_its_accounts_and_is_matched(site: MailSite) -> None:
    """The case has accounts, span, number and telephone of the sender's, and names what the daemon itself had seen."""
    assert MailOutcome.REPORTED is site.take(proven(a_report()))
    report, case = the_report(site), the_case(site)
    assert (HAI_AU, ACCOUNTS, BEGAN, NUMBER) == (
        report.customer,
        report.accounts,
        report.occurred_at,
        report.reference,
    )
    assert "+84 258 5550 0111" == report.phone
    assert ACCOUNTS == case.accounts
    assert ("CW-2026-7KQ2M4AB",) == report.matches
    assert "report.json" in {file.name for file in report.files}


@pytest.mark.parametrize("field", ["", "mail.elsewhere.example; dkim=pass header.d=haiau.example"])
def test_of_whom_nothing_proves_only_the_words_are_kept(field: str, site: MailSite) -> None:
    """The part leads nowhere: no accounts, no match, no customer; the operators read why."""
    assert MailOutcome.REPORTED is site.take(rendered(a_report(), Authentication_Results=field))
    report = the_report(site)
    assert ("", (), None, "", ()) == (
        report.customer,
        report.accounts,
        report.occurred_at,
        report.reference,
        report.matches,
    )
    assert "nothing proves its sender" in report.what
    assert ACCOUNTS[0] in report.what


def test_a_customer_speaks_of_its_own_accounts_alone(site: MailSite) -> None:
    """Those of another customer are left out, and the operators read how many."""
    theirs = "boss@blueharbor.example"
    site.facts = replace(site.facts, owner=lambda name: BLUE_HARBOR if name == theirs else HAI_AU)
    site.take(proven(a_report(accounts=(*ACCOUNTS, theirs))))
    report = the_report(site)
    assert ACCOUNTS == report.accounts
    assert "1 accounts that it names are not this customer's" in report.what


def test_the_end_of_a_report_joins_its_case(site: MailSite) -> None:
    """No second case is opened, and the operators hear of it; the sender's own number is what they have in common."""
    site.take(proven(a_report()))
    first = the_report(site).number
    assert MailOutcome.ANSWERED is site.take(proven(a_closing()))
    assert {first} == {mail.incident for mail in site.mails()}
    assert MailOutcome.REPORTED is site.take(proven(a_closing(number="CW-2026-ZZZZZZZZ")))


def test_a_joint_letter_is_one_report_of_all(site: MailSite) -> None:
    """A program's letter, which is a report all the same, and names the sender's numbers."""
    assert MailOutcome.REPORTED is site.take(proven(a_joint(30)))
    report = the_report(site)
    assert ACCOUNTS == report.accounts
    assert "CW-2026-00000000, CW-2026-00000001" in report.reference


def test_a_part_is_read_as_it_was_written() -> None:
    """The mail shows words first; the part keeps names as logs write them, which letters make harmless."""
    odd = 'a"b\\c=?=\u200b@haiau.example'
    mail = read(proven(a_report(accounts=(odd,))))
    assert MailKind.REPORT is mail.kind
    (part,) = [one.content for one in mail.attachments if one.media_type == REPORT_TYPE]
    assert (odd,) == read_part(part).matters[0].accounts
    assert "ke.toan" in read(proven(a_report())).text


@pytest.mark.parametrize("command", [a_report(), a_closing(), a_joint(600)], ids=["report", "closing", "joint"])
def test_what_is_written_is_as_the_schema_says(command: Any) -> None:
    """The schema of the documentation is the one that is kept; the same command gives the same bytes."""
    assert proven(command) == proven(command)
    (part,) = [one.content for one in read(proven(command)).attachments if one.media_type == REPORT_TYPE]
    Draft202012Validator(SCHEMA).validate(json.loads(part))
    read_part(part)


def test_many_names_are_counted() -> None:
    """A part stays within what is read."""
    mail = read(proven(a_report(accounts=tuple(f"u{at}@haiau.example" for at in range(1000)))))
    (part,) = [one.content for one in mail.attachments if one.media_type == REPORT_TYPE]
    (matter,) = read_part(part).matters
    assert (200, 800) == (len(matter.accounts), matter.more_accounts)


WRONG: dict[str, dict[str, Any]] = {
    "another version": {"schema": "credwatch-report/2"},
    "another field": {"colour": "red"},
    "no matter": {"matters": []},
    "an unknown stage": {"stage": "rumour"},
    "a number with a line": {"incident": "CW-1\nX"},
    "an empty account": {"accounts": [""]},
    "too many accounts": {"accounts": ["a"] * 201},
    "a long account": {"accounts": ["a" * 321]},
    "an account that is a number": {"accounts": [7]},
    "a moment without a zone": {"occurred_first": "2026-11-20T02:00:00"},
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_as_the_schema_says_is_refused(what: str, site: MailSite) -> None:
    """By the schema as by ours; the report itself is taken in with its words, and says that its part was not read."""
    part = a_part(**WRONG[what])
    assert not Draft202012Validator(SCHEMA).is_valid(part)
    assert MailOutcome.REPORTED is site.take(with_part(json.dumps(part).encode()))
    report = the_report(site)
    assert (HAI_AU, (), "") == (report.customer, report.accounts, report.reference)
    assert "its part for programs cannot be read" in report.what


@pytest.mark.parametrize(
    "parts", [[b"no JSON"], [b"\xff\xfe"], [b"[" * 100_000], [b"{}", b"{}"], [b" " * 8_000_001]], ids=range(5)
)
def test_what_is_no_json_is_refused(parts: list[bytes], site: MailSite) -> None:
    """Whatever its bytes are, and where there are several parts."""
    raw = with_part(*parts)
    mail = read_mail(raw, "mail.modoro.example", 20_000_000)
    assert MailOutcome.REPORTED is site.mail_desk.take(mail)
    assert "its part for programs cannot be read" in the_report(site).what


def test_a_good_part_of_the_tests_is_good() -> None:
    """What the wrong ones differ from is right."""
    Draft202012Validator(SCHEMA).validate(a_part())
    assert ACCOUNTS == read_part(json.dumps(a_part()).encode()).matters[0].accounts


LEAVES = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(LEAVES, lambda some: st.lists(some) | st.dictionaries(st.text(), some)))
def test_any_json_is_read_or_refused(value: Any) -> None:
    """Nothing but ValueError is raised."""
    with pytest.raises(ValueError, match="schema"):
        read_part(json.dumps(value).encode())


def test_a_report_before_its_time_is_of_now(site: MailSite) -> None:
    """A moment that is still to come is not believed."""
    later = (site.clock() + timedelta(days=400)).isoformat()
    site.take(with_part(json.dumps(a_part(occurred_first=later)).encode()))
    assert the_report(site).occurred_at <= site.clock()


def test_the_example_of_the_documentation_is_read() -> None:
    """It is as the schema says."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "mail.md").read_text(encoding="utf-8")
    block = page.partition('    {"schema":')[2].partition("\n\n")[0]
    part = json.loads('{"schema":' + block)
    Draft202012Validator(SCHEMA).validate(part)
    assert NUMBER == read_part(json.dumps(part).encode()).matters[0].incident
