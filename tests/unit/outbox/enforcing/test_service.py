"""Services that keep accounts: the right account is changed, once, and every documented failure is a receipt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from builders_measures import an_order
from builders_outbox import NOON
from credwatch.app.keys import service_secret
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.measure import MeasureAction
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.outbox.enforcing.options import EnforcementOptions, ServiceOptions
from credwatch.outbox.enforcing.requests import SERVICES
from credwatch.outbox.enforcing.service import ServiceChannel
from identity_services import KINDS, IdentityService
from rest_services import TOKEN, Reply, a_service

LAN = "lan@tanphat.example"


@pytest.fixture(params=KINDS)
def service(request: pytest.FixtureRequest) -> Iterator[IdentityService]:
    with a_service(KINDS[request.param]) as running:
        running.have(LAN, 1)
        running.have("minh@tanphat.example", 2)
        yield running


@pytest.fixture
def scim() -> Iterator[IdentityService]:
    with a_service(KINDS["scim"]) as running:
        running.have(LAN, 1)
        yield running


def a_channel(service: IdentityService, **options: Any) -> ServiceChannel:
    kind = type(service).__name__.lower()
    root = "" if kind == "okta" else service.root
    chosen = {"name": "idp", "kind": kind, "url": service.url + root, "secret_file": Path("/none")} | options
    return ServiceChannel(ServiceOptions.model_validate(chosen), Secret(TOKEN), lambda: NOON)


async def delivered(service: IdentityService, *, undo: bool = False, **changes: Any) -> Receipt:
    return await a_channel(service).deliver(an_order(undo=undo, **changes))


async def test_one_account_is_locked_and_opened_again(service: IdentityService) -> None:
    """The account that is named and no other; all else that is known of it stays."""
    before = {**service.accounts["id-1"]}
    assert isinstance(await delivered(service), Delivered)
    assert [True, False] == [service.is_locked(record) for record in service.accounts.values()]
    assert isinstance(await delivered(service, undo=True), Delivered)
    assert before == service.accounts["id-1"]


async def test_what_is_repeated_is_done_once(service: IdentityService) -> None:
    """The answer is lost after the account was locked: the next attempt sees it, and asks for nothing."""
    service.drops_answers = True
    assert isinstance(await delivered(service), Retry)
    service.drops_answers = False
    receipt = await delivered(service)
    assert isinstance(receipt, Delivered)
    assert receipt.stood
    assert 1 == len(service.acts)


@pytest.mark.parametrize(
    ("kind", "action"),
    [(kind, action) for kind, table in SERVICES.items() for action in table.do],
)
async def test_each_action_is_carried_out(kind: str, action: MeasureAction) -> None:
    """Each action of the table is one request that the service knows."""
    with a_service(KINDS[kind]) as running:
        running.have(LAN, 1)
        assert isinstance(await delivered(running, action=action), Delivered)
        assert 1 == len(running.acts)


async def test_a_new_password_is_asked_for_beside_what_was_asked_before() -> None:
    """Keycloak's other required actions stay, and the second attempt adds nothing."""
    with a_service(KINDS["keycloak"]) as running:
        record = running.have(LAN, 1)
        for _ in range(2):
            assert isinstance(await delivered(running, action=MeasureAction.FORCE_RESET), Delivered)
        assert ["VERIFY_EMAIL", "UPDATE_PASSWORD"] == record["requiredActions"]


async def test_who_is_not_there_cannot_be_locked_and_need_not_be_opened(service: IdentityService) -> None:
    """To lock an account that is gone is refused; to undo it is done."""
    service.accounts.clear()
    assert isinstance(await delivered(service), Refused)
    receipt = await delivered(service, undo=True)
    assert isinstance(receipt, Delivered)
    assert "gone" in receipt.reply


async def test_who_goes_between_two_requests_is_gone(scim: IdentityService) -> None:
    """The account is found, and is not there any more when it is changed."""
    record = scim.accounts.pop("id-1") | {"active": False}
    scim.faults.append(Reply(content={"totalResults": 1, "Resources": [record]}))
    assert isinstance(await delivered(scim, undo=True), Delivered)


async def test_a_wrong_address_is_no_account_that_is_gone(scim: IdentityService) -> None:
    """A 404 to the search tells of a wrong URL: nothing is undone, and it is tried again."""
    scim.refuse(404)
    assert isinstance(await delivered(scim, undo=True), Retry)


async def test_a_service_that_overlooks_the_filter_has_nobody_locked(scim: IdentityService) -> None:
    """Accounts of other names are not touched, nor one of two that have the name."""
    others = [{"id": "id-9", "userName": "minh", "active": True}]
    twins = [{"id": f"id-{number}", "userName": LAN, "active": True} for number in (1, 2)]
    for records in (others, twins):
        scim.faults.append(Reply(content={"totalResults": len(records), "Resources": records}))
        assert isinstance(await delivered(scim), Refused)
    assert [] == scim.acts


@pytest.mark.parametrize("name", ['a" or userName pr or userName eq "b', "o'hara", "a&b=c/../d", "lành\\x"])
async def test_a_name_stays_a_name(service: IdentityService, name: str) -> None:
    """Whatever signs a name has, it is searched for as it is."""
    service.have(name, 3)
    assert isinstance(await delivered(service, target=name), Delivered)
    assert [False, False, True] == [service.is_locked(record) for record in service.accounts.values()]


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "after"),
    [
        (429, {"Retry_After": "3600"}, Retry, timedelta(hours=1)),
        (503, {"Retry_After": "120"}, Retry, timedelta(minutes=2)),
        (500, {}, Retry, None),
        (401, {}, Retry, None),
        (403, {}, Retry, None),
        (409, {}, Retry, None),
        (412, {}, Retry, None),
        (302, {"Location": "http://127.0.0.1/"}, Retry, None),
        (400, {}, Refused, None),
    ],
)
async def test_a_status_says_what_follows(
    scim: IdentityService, status: int, headers: dict[str, str], outcome: type[Receipt], after: timedelta | None
) -> None:
    """What may pass is tried again, when the service says; the secret that it repeats is not told."""
    scim.refuse(status, 1, {"detail": f"seen: Bearer {TOKEN}"}, **headers)
    receipt = await delivered(scim)
    assert isinstance(receipt, outcome)
    assert after == getattr(receipt, "after", None)
    assert TOKEN not in repr(receipt)


@pytest.mark.parametrize(
    "body",
    [
        {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400", "scimType": "mutability"},
        {"id": "id-1", "userName": LAN, "active": True},
        {"error": "not now"},
        {"value": False},
    ],
)
async def test_success_with_an_error_inside_is_none(scim: IdentityService, body: dict[str, Any]) -> None:
    """An answer of 200 that says no, or shows the account as it was, is tried again."""
    found = {"totalResults": 1, "Resources": [scim.accounts["id-1"]]}
    scim.faults += [Reply(content=found), Reply(content=body)]
    assert isinstance(await delivered(scim), Retry)


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"[1]", b"{}", b'{"Resources": 3}', b'{"totalResults": 2}', b"[" * 100_000]
)
async def test_nonsense_is_no_list_of_accounts(scim: IdentityService, raw: bytes) -> None:
    """A proxy's page, or half an answer, locks nobody and says nothing of an account."""
    scim.faults.append(Reply(raw=raw))
    assert isinstance(await delivered(scim, undo=True), Retry)
    assert [] == scim.acts


async def test_a_service_that_is_slow_or_gone_is_tried_again(scim: IdentityService) -> None:
    """One attempt has its time; a port that nobody listens on is a reason to come back."""
    scim.faults.append(Reply(after=10.0))
    assert isinstance(await a_channel(scim, timeout_seconds=0.2).deliver(an_order()), Retry)
    assert isinstance(await a_channel(scim, url="http://127.0.0.1:9").deliver(an_order()), Retry)


async def test_a_client_gets_a_token_for_its_secret(scim: IdentityService) -> None:
    """The token is asked for with the secret, and the API with the token; what is no token is tried again."""
    scim.token = "another-token"
    client = {"client_id": "credwatch", "token_url": f"{scim.url}/token", "scope": "users"}
    assert isinstance(await a_channel(scim, **client).deliver(an_order()), Delivered)
    assert TOKEN in scim.asked[0].body
    assert "Bearer another-token" == scim.asked[1].headers["authorization"]
    scim.token = ""
    assert isinstance(await a_channel(scim, **client).deliver(an_order(undo=True)), Retry)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://idp.example/scim"},
        {"url": "https://user:word@idp.example/scim"},
        {"client_id": "credwatch"},
        {"kind": "ldapp"},
    ],
)
def test_what_others_could_read_is_refused(wrong: dict[str, str]) -> None:
    """Requests go over https, or stay on the machine; a client names where it gets its token."""
    channel = {"name": "idp", "kind": "scim", "url": "https://idp.example/scim", "secret_file": "/none"} | wrong
    with pytest.raises(ValidationError):
        EnforcementOptions.model_validate({"channel": (channel,)})


def test_a_plan_asks_for_what_the_service_does() -> None:
    """SCIM has no sessions: a plan that would end them is refused at the start, and says what there is."""
    channel = {"name": "idp", "kind": "scim", "url": "https://idp.example/scim", "secret_file": "/none"}
    plan = {"name": "p", "channel": "idp", "actions": ("end_sessions",), "incidents": ("account_takeover",)}
    with pytest.raises(ValidationError, match="scim does lock_account, and no end_sessions"):
        EnforcementOptions.model_validate({"channel": (channel,), "plan": (plan,)})


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    """A file without a secret is an error of the configuration, which names the channel."""
    (tmp_path / "secret").touch()
    options = ServiceOptions(name="idp", kind="scim", url="https://idp.example", secret_file=tmp_path / "secret")
    with pytest.raises(ConfigurationError, match="idp"):
        service_secret(options)
