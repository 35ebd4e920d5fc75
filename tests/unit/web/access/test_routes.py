"""The endpoints for ticket systems, on the desk and store of an office whose clock tests move."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from msgspec.structs import replace

from access_office import CUSTOMER, HOUR, ORDER, USER, AccessOffice, a_request, an_order
from credwatch.kernel.access import AccessState
from credwatch.kernel.clock import rfc3339
from credwatch.sources.push import tokens
from credwatch.web.access.options import AccessApiOptions
from credwatch.web.access.requests import AskedAccess
from credwatch.web.access.routes import access_app
from scenarios.lines import BEGIN

TOKENS = {name: f"{name}.{'t' * 43}" for name in ("tickets", "reader", "other")}
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"


class TicketSite:
    """An office, its endpoints, and what the answers came to."""

    def __init__(self, folder: Path, **bounds: Any) -> None:
        self.office = AccessOffice(folder)
        every = ("read", "request", "decide")
        systems = [
            {"id": "tickets", "token_hashes": (HASH,), "scopes": every},
            {"id": "reader", "token_hashes": (HASH,), "scopes": ("read",), "secret": True},
            {"id": "other", "token_hashes": (HASH,), "scopes": every, "customers": ("blue-harbor",)},
        ]
        options = AccessApiOptions.model_validate({"enabled": True, "ticket_system": systems, **bounds})
        self.outcomes: list[str] = []
        office = self.office
        app = access_app(options, office.desk, office.check, office.clock, self.outcomes.append)
        self._client = AsyncClient(transport=ASGITransport(app), base_url="http://access")
        self._runner = asyncio.Runner()

    def send(self, method: str, path: str, system: str = "tickets", **more: Any) -> Response:
        """Send a request with the token of a ticket system."""
        headers = {"Authorization": f"Bearer {TOKENS[system]}", **more.pop("headers", {})}
        return self._runner.run(self._client.request(method, f"/v1/{path}", headers=headers, **more))

    def ask(self, key: str = "ticket-4711", system: str = "tickets", **changes: Any) -> Response:
        """Ask for two hours at one account."""
        body = {**_body(), **changes}
        return self.send("POST", "access-requests", system, json=body, headers={"Idempotency-Key": key})

    def decide(self, number: str, what: str, system: str = "tickets", **body: Any) -> Response:
        """Carry a decision."""
        return self.send("POST", f"access-requests/{number}/{what}", system, json=body)

    def approve(self, number: str, by: str) -> Response:
        """Carry an approval with the code that the app shows."""
        return self.decide(number, "approve", by=by, code=self.office.code(by).reveal())

    def close(self) -> None:
        """Let everything go."""
        self._runner.close()
        self.office.database.close()


def _body() -> dict[str, Any]:
    asked = a_request()
    return {
        "by": "minh",
        "customer": CUSTOMER,
        "ground": "customer_request",
        "reference": asked.reference,
        "why": asked.reason,
        "accounts": [USER],
        "actions": ["staff_access"],
        "ends_at": rfc3339(asked.ends_at),
    }


def _order(**changes: str) -> dict[str, Any]:
    order = {"issuer": ORDER.issuer, "article": ORDER.article, "document_sha256": ORDER.document_sha256}
    return {"ground": "court_order", "order": {**order, **changes}}


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TicketSite]]:
    """Make endpoints whose tokens cost no hash."""
    monkeypatch.setattr(tokens.Tokens, "_matches", lambda _self, _hash, raw: raw in TOKENS.values())
    sites: list[TicketSite] = []

    def made(**bounds: Any) -> TicketSite:
        sites.append(TicketSite(tmp_path, **bounds))
        return sites[-1]

    yield made
    for site in sites:
        site.close()


@pytest.fixture
def site(make: Callable[..., TicketSite]) -> TicketSite:
    """Make the endpoints with their usual bounds."""
    return make()


def _kind(answer: Response) -> tuple[int, str]:
    assert "application/problem+json" == answer.headers["content-type"]
    problem = answer.json()
    assert (answer.status_code, "no-store") == (problem["status"], answer.headers["cache-control"])
    return answer.status_code, problem["type"].removeprefix("urn:credwatch:problem:")


def test_from_the_request_to_the_review(site: TicketSite) -> None:
    """An order is asked for, approved with codes, ended and reviewed; the trail says by which system it came."""
    made = site.ask(**_order())
    number = made.json()["id"]
    assert (201, f"/v1/access-requests/{number}") == (made.status_code, made.headers["location"])
    assert "waiting" == site.approve(number, "quang").json()["state"]
    assert "granted" == site.approve(number, "yen").json()["state"]
    listed = site.send("GET", "access-requests", params={"state": "granted", "limit": "5"}).json()["requests"]
    assert [number] == [one["id"] for one in listed]
    assert "revoked" == site.decide(number, "revoke", by="thao", why="it is done").json()["state"]
    site.office.now += HOUR
    code = site.office.code("quang").reveal()
    reviewed = site.decide(number, "review", by="quang", code=code, why="as ordered").json()
    assert reviewed == site.send("GET", f"access-requests/{number}", "reader").json()
    steps = [(step["kind"], step["through"]) for step in reviewed["steps"]]
    assert [(kind, "tickets") for kind in ("approved", "approved", "revoked", "reviewed")] == steps
    ours = [entry for entry in site.office.log() if entry["customer"] == "" and entry["kind"] != "access_granted"]
    assert ["tickets"] * 5 == [entry["details"]["through"] for entry in ours]
    assert "tickets" not in str(site.office.log(CUSTOMER))
    assert {"ok"} == {*site.outcomes}


def test_the_same_key_is_the_same_request(site: TicketSite) -> None:
    """Sent again it has the number of the first, and nothing is told twice; another request is refused."""
    first, again = site.ask(), site.ask()
    assert (201, 201, first.json()["id"]) == (first.status_code, again.status_code, again.json()["id"])
    assert 2 == len(site.office.letters("access_asked"))
    assert (422, "other_request") == _kind(site.ask(why="something else"))
    assert first.json()["id"] != site.ask("ticket-4712").json()["id"]
    assert (400, "bad_request") == _kind(site.ask(""))


def test_no_token_approves_anything(site: TicketSite) -> None:
    """A wrong code, a code of somebody else and one used before are refused; so is who asks, before a code is spent."""
    number = site.ask().json()["id"]
    assert (403, "code_refused") == _kind(site.decide(number, "approve", by="quang", code="000000"))
    stolen = site.office.code("thao").reveal()
    assert (403, "code_refused") == _kind(site.decide(number, "approve", by="yen", code=stolen))
    assert (400, "bad_request") == _kind(site.decide(number, "approve", by="yen"))
    assert (409, "not_now") == _kind(site.approve(number, "minh"))
    assert 200 == site.approve(number, "thao").status_code
    assert (403, "code_refused") == _kind(site.approve(site.ask("other").json()["id"], "thao"))
    emergency = {"ground": "emergency", "code": "000000"}
    assert (403, "code_refused") == _kind(site.ask("urgent", **emergency))
    assert (403, "code_refused") == _kind(site.ask("urgent", ground="emergency"))


def test_an_emergency_and_its_repeat(site: TicketSite) -> None:
    """It holds at once on a code of who asks; sent again it needs none, for it is there already."""
    emergency = {"ground": "emergency", "code": site.office.code("minh").reveal()}
    assert ["granted"] * 2 == [site.ask(**emergency).json()["state"] for _ in range(2)]
    assert ["emergency_access"] == site.office.calls()


def test_a_contact_who_agrees_on_the_telephone(site: TicketSite) -> None:
    """It needs the way in words, and a code of who heard it."""
    number = site.ask().json()["id"]
    heard = {"by": "thao", "code": site.office.code("thao").reveal(), "contact": "it@haiau.example"}
    assert (400, "bad_request") == _kind(site.decide(number, "approve", **heard))
    answer = site.decide(number, "approve", **heard, why="called back").json()
    assert ("customer_approved", False) == (answer["steps"][0]["kind"], answer["awaits_customer"])


def test_a_token_does_what_its_scopes_say(site: TicketSite) -> None:
    """A reader neither asks nor decides, and a system sees and touches its own customers alone."""
    number = site.ask().json()["id"]
    assert (403, "not_in_scope") == _kind(site.ask(system="reader"))
    assert (403, "not_in_scope") == _kind(site.decide(number, "refuse", "reader", by="thao", why="no"))
    assert (403, "not_in_scope") == _kind(site.ask(system="other"))
    assert (404, "not_here") == _kind(site.send("GET", f"access-requests/{number}", "other"))
    assert (404, "not_here") == _kind(site.decide(number, "refuse", "other", by="thao", why="no"))
    assert [] == site.send("GET", "access-requests", "other").json()["requests"]
    assert AccessState.WAITING is site.office.stored(number).request.state


def test_what_an_order_forbids_to_tell(site: TicketSite) -> None:
    """Only a system that may know of it sees it or asks for it."""
    number = site.office.ask(an_order(order=replace(ORDER, secret_until=BEGIN + 9 * HOUR)))
    assert (404, "not_here") == _kind(site.send("GET", f"access-requests/{number}"))
    assert [] == site.send("GET", "access-requests").json()["requests"]
    assert [number] == [one["id"] for one in site.send("GET", "access-requests", "reader").json()["requests"]]
    assert (403, "not_in_scope") == _kind(site.ask(**_order(secret_until=rfc3339(BEGIN + 9 * HOUR))))


WRONG: tuple[tuple[dict[str, Any], int], ...] = (
    ({"customer": "nobody"}, 422),
    ({"by": "stranger"}, 422),
    ({"ground": "court_order"}, 422),
    ({"ends_at": "2020-01-01T00:00:00Z"}, 422),
    ({"ends_at": "9999-12-31T23:59:59-14:00"}, 400),
    ({"ends_at": 1}, 400),
    ({"ends_at": "2026-03-02T12:00:00"}, 400),
    ({"ground": "whim"}, 400),
    ({"accounts": []}, 400),
    ({"accounts": [" "]}, 400),
    ({"accounts": [USER] * 51}, 400),
    ({"why": "a\nb"}, 400),
    ({"why": "\ud800"}, 400),
    ({"more": "secret-word"}, 400),
)


def test_what_cannot_be_asked(site: TicketSite) -> None:
    """Each is refused, quotes nothing of what was unknown, and leaves no request behind."""
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    for changes, status in WRONG:
        content = json.dumps({**_body(), **changes}).encode()
        answer = site.send("POST", "access-requests", content=content, headers=headers)
        assert status == _kind(answer)[0], (changes, answer.text)
        assert "secret-word" not in answer.text
    assert [] == site.office.desk.requests(10)


def test_what_is_no_request(site: TicketSite) -> None:
    """No token, a wrong one, no JSON, too much, a wrong query and a wrong place have their statuses."""
    for authorization in ("", "Bearer tickets.wrong", "Bearer nobody.wrong", "Digest x"):
        answer = site.send("GET", "access-requests", headers={"Authorization": authorization})
        assert ((401, "no_token"), "Bearer") == (_kind(answer), answer.headers["www-authenticate"])
    json_type = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    plain = {**json_type, "Content-Type": "text/plain"}
    assert 415 == site.send("POST", "access-requests", content=b"{}", headers=plain).status_code
    assert 413 == _kind(site.send("POST", "access-requests", content=b" " * 65_537, headers=json_type))[0]
    for query in ({"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"state": "nothing"}):
        assert (400, "bad_request") == _kind(site.send("GET", "access-requests", params=query))
    assert (404, "not_here") == _kind(site.send("GET", "nothing"))
    assert (404, "not_here") == _kind(site.send("GET", "access-requests/AR-0"))
    assert (405, "not_here") == _kind(site.send("DELETE", "access-requests"))


def test_a_pace_for_each_system(make: Callable[..., TicketSite]) -> None:
    """One that asks too often is told when to come back; wrong tokens shut nobody out who came before."""
    site = make(requests_per_minute=2)
    assert 200 == site.send("GET", "access-requests", "reader").status_code
    wrong = [
        site.send("GET", "access-requests", headers={"Authorization": f"Bearer tickets.{at}"}).status_code
        for at in range(22)
    ]
    assert {401, 429} == {*wrong}
    assert 200 == site.send("GET", "access-requests", "reader").status_code
    late = site.send("GET", "access-requests", "reader")
    assert (429, "slower") == _kind(late)
    assert 0 < int(late.headers["retry-after"]) <= 60
    assert {"ok", "refused", "limited"} == {*site.outcomes}


def test_a_failing_store_is_no_answer(site: TicketSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with a problem that quotes nothing, and the token goes on."""
    monkeypatch.setattr(site.office.desk, "_database", None)
    assert (503, "unavailable") == _kind(site.send("GET", "access-requests"))
    assert ["failed"] == site.outcomes


def test_the_sealed_content_has_no_code() -> None:
    """A request that is sent again with another code is the same one, and shows neither."""
    first, second = (AskedAccess.model_validate({**_body(), "code": code}) for code in ("111111", "222222"))
    assert first.access(BEGIN).sending == second.access(BEGIN).sending
    assert "111111" not in repr(first)
