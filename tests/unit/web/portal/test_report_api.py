"""Tests the endpoints by which a customer's programs report."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from msgspec.structs import replace

from credwatch.kernel.case_entry import EntryKind
from credwatch.kernel.report import ReportWay
from credwatch.sources.push import tokens
from credwatch.store.cases import case_entries
from portal_site import BLUE_HARBOR, HAI_AU, Browser, PortalSite


@pytest.fixture
def token(site: PortalSite, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the one customer a token; its hash costs little here."""
    monkeypatch.setattr(tokens.Tokens, "_matches", lambda _self, known, raw: known == f"hash of {raw}")
    made = {name: f"{name}.{'t' * 43}" for name in (HAI_AU, BLUE_HARBOR)}
    recipients = {
        name: replace(reader, report_token_hashes=(f"hash of {made[name]}",))
        for name, reader in site.facts.recipients.items()
    }
    site.facts = replace(site.facts, recipients=recipients)
    return made[HAI_AU]


def _post(site: PortalSite, token: str, body: Any, **headers: str):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Browser(site).send("POST", "/api/v1/reports", content=content, headers=headers)


def test_a_program_reports_and_has_a_receipt(site: PortalSite, token: str) -> None:
    """201 with number, code, time, until when the answer comes, and what was seen of the account."""
    body = {
        "what": "Máy chủ của chúng tôi bị dò mật khẩu.",
        "accounts": ["ke.toan@haiau.example"],
        "occurred_at": "2026-03-02T12:00:00+07:00",
        "attachments": [{"name": "auth.log", "content_base64": b64encode(b"line").decode()}],
    }
    answer = _post(site, token, body)
    assert 201 == answer.status_code, answer.text
    receipt = answer.json()
    assert (False, ["CW-2026-7KQ2M4AB"], 4) == (
        receipt["repeat"],
        receipt["matches"],
        receipt["attachments"][0]["size"],
    )
    with site.database.reading() as connection:
        (entry,) = [one for one in case_entries.entries_of(connection, receipt["number"]) if one.report]
    assert (EntryKind.REPORTED, ReportWay.API, HAI_AU) == (entry.kind, entry.report.way, entry.report.customer)
    standing = Browser(site).send(
        "GET", f"/api/v1/reports/{receipt['number']}", headers={"Authorization": f"Bearer {token}"}
    )
    assert (True, receipt["answer_by"], None) == tuple(
        standing.json()[name] for name in ("open", "answer_by", "answered_at")
    )


def test_a_repeat_has_the_receipt_of_the_first(site: PortalSite, token: str) -> None:
    """The same key, or the same body without one, is the same report; another body under a key is refused."""
    first = _post(site, token, {"what": "a"}, **{"Idempotency-Key": "k"})
    again = _post(site, token, {"what": "a"}, **{"Idempotency-Key": "k"})
    assert (201, 200) == (first.status_code, again.status_code)
    assert (first.json()["number"], True) == (again.json()["number"], again.json()["repeat"])
    assert 422 == _post(site, token, {"what": "b"}, **{"Idempotency-Key": "k"}).status_code
    assert 200 == _post(site, token, {"what": "a"}).status_code
    assert 1 == len(site.letters("escalation"))


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415, "bad_type"),
        ({"Content-Type": "application/json; charset=utf-7"}, b"{}", 415, "bad_charset"),
        ({"Content-Type": "application/json; charset=nonsense"}, b"{}", 415, "bad_charset"),
        ({}, b'{"what": "\xff"}', 400, "bad_charset"),
        ({}, b"{", 400, "bad_report"),
        ({}, b"[]", 400, "bad_report"),
        ({}, b'{"what": " "}', 400, "bad_report"),
        ({}, b'{"what": "a", "more": 1}', 400, "bad_report"),
        ({}, b'{"what": "a", "occurred_at": "2026-03-02T12:00:00"}', 400, "bad_report"),
        ({}, b'{"what": "a", "attachments": [{"content_base64": "!"}]}', 400, "bad_report"),
        ({"Idempotency-Key": "k" * 201}, b'{"what": "a"}', 400, "bad_key"),
        ({"Authorization": "Bearer hai-au.wrong"}, b'{"what": "a"}', 401, "no_token"),
        ({"Authorization": ""}, b'{"what": "a"}', 401, "no_token"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_code(
    site: PortalSite, token: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    """Each kind of bad request has its status and code, and quotes nothing of what was sent."""
    answer = _post(site, token, body, **headers)
    assert (status, code) == (answer.status_code, answer.json()["error"]["code"])


@pytest.mark.parametrize("charset", ["windows-1258", "utf-16", "UTF-8"])
def test_other_character_sets_are_read_where_they_are_named(site: PortalSite, token: str, charset: str) -> None:
    """A body in a character set that it names is read, and its letters arrive."""
    body = '{"what": "Lộ mật khẩu"}' if charset != "windows-1258" else '{"what": "Lô"}'
    answer = _post(site, token, body.encode(charset), **{"Content-Type": f"application/json; charset={charset}"})
    assert 201 == answer.status_code, answer.text


def test_too_much_is_refused(site: PortalSite, token: str) -> None:
    """Too large a file is refused with 413, in JSON; too large a body before it is read."""
    large = {"what": "a", "attachments": [{"content_base64": b64encode(b"x" * 4_000_001).decode()}]}
    assert (413, "too_large") == ((answer := _post(site, token, large)).status_code, answer.json()["error"]["code"])
    assert 413 == _post(site, token, b"x" * 12_000_001).status_code


def test_a_token_sees_its_own_reports_alone(site: PortalSite, token: str) -> None:
    """Another customer's report is not there."""
    number = _post(site, token, {"what": "a"}).json()["number"]
    other = {"Authorization": f"Bearer {BLUE_HARBOR}.{'t' * 43}"}
    assert 404 == Browser(site).send("GET", f"/api/v1/reports/{number}", headers=other).status_code
