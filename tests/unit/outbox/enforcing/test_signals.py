"""Security Event Tokens: verified by another library, and a receiver that fails in every documented way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet, import_key
from pydantic import ValidationError

from builders_measures import an_order
from builders_outbox import NOON, a_command
from credwatch.kernel.command import Command
from credwatch.kernel.measure import MeasureAction
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.outbox.enforcing.options import EnforcementOptions
from credwatch.outbox.enforcing.signal_keys import SignalKey
from credwatch.outbox.enforcing.signal_options import EVENTS, SignalOptions
from credwatch.outbox.enforcing.signals import ERRORS, SignalChannel
from unit.outbox.enforcing.test_webhook import Receiver

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
ACCEPTED = "202 Accepted"
TOKEN = "a-token-that-nobody-repeats"


def _pem(key: Any, encryption: KeySerializationEncryption | None = None) -> Secret:
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return Secret(text.decode())


@cache
def a_key(algorithm: str = "ES256") -> SignalKey:
    """Make a key, once for all tests."""
    if algorithm == "ES256":
        return SignalKey(_pem(ec.generate_private_key(ec.SECP256R1())))
    return SignalKey(_pem(rsa.generate_private_key(65537, 2048)))


def some_options(**changes: Any) -> SignalOptions:
    values = {
        "name": "idp",
        "kind": "ssf",
        "url": "https://idp.example/events",
        "issuer": "https://credwatch.example",
        "audience": "https://idp.example",
        "key_file": Path("/none"),
    }
    return SignalOptions.model_validate(values | changes)


@asynccontextmanager
async def a_channel(receiver: Receiver, key: SignalKey | None = None, **options: Any) -> AsyncIterator[SignalChannel]:
    """Have a receiver listen on loopback, and make a channel to it."""
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
        chosen = some_options(**({"url": url} | options))
        yield SignalChannel(chosen, key or a_key(), Secret(TOKEN), lambda: NOON)


async def delivered(receiver: Receiver, command: Command | None = None, **options: Any) -> Receipt:
    async with a_channel(receiver, **options) as channel:
        return await channel.deliver(command or an_order())


def read(body: bytes, key: SignalKey) -> tuple[dict[str, Any], dict[str, Any]]:
    """Have joserfc verify a token by the published key alone; return its header and its claims."""
    keys = KeySet.import_key_set({"keys": [key.jwk()]})  # type: ignore[typeddict-item]  # as it is published
    token = jws.deserialize_compact(body, keys, algorithms=["ES256", "RS256"])
    return dict(token.headers()), json.loads(token.payload)


async def the_token(command: Command, **options: Any) -> dict[str, Any]:
    """Push a command and return the claims that arrived."""
    receiver = Receiver(status=ACCEPTED)
    assert isinstance(await delivered(receiver, command, **options), Delivered)
    return read(receiver.asked[0][1], a_key())[1]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
async def test_another_library_verifies_the_token(algorithm: str) -> None:
    """The header says what it is and by which key, the name of which is the thumbprint of RFC 7638."""
    receiver, key = Receiver(status=ACCEPTED), a_key(algorithm)
    assert isinstance(await delivered(receiver, key=key), Delivered)
    ((headers, body),) = receiver.asked
    header, claims = read(body, key)
    public = {name: value for name, value in key.jwk().items() if name in ("kty", "crv", "x", "y", "n", "e")}
    assert {"alg": algorithm, "typ": "secevent+jwt", "kid": import_key(public).thumbprint()} == header  # type: ignore[arg-type]
    assert ("application/secevent+jwt", f"Bearer {TOKEN}") == (headers["content-type"], headers["authorization"])
    assert ("https://credwatch.example", "https://idp.example") == (claims["iss"], claims["aud"])
    assert int(NOON.timestamp()) == claims["iat"]
    assert not {"sub", "exp"} & set(claims), "RFC 8417, section 2.2, and the framework say neither"


async def test_a_token_of_another_key_is_not_ours() -> None:
    """Who signs with another key, or changes a character, is told apart."""
    receiver = Receiver(status=ACCEPTED)
    await delivered(receiver)
    body = receiver.asked[0][1]
    other = SignalKey(_pem(ec.generate_private_key(ec.SECP256R1())), a_key().jwk()["kid"])
    with pytest.raises(BadSignatureError):
        read(body, other)


@pytest.mark.parametrize(
    ("action", "undo", "event", "claims"),
    [
        ("end_sessions", False, CAEP + "session-revoked", {}),
        ("revoke_tokens", False, CAEP + "session-revoked", {}),
        ("force_reset", False, CAEP + "credential-change", {"credential_type": "password", "change_type": "revoke"}),
        ("lock_account", False, RISC + "account-disabled", {"reason": "hijacking"}),
        ("lock_account", True, RISC + "account-enabled", {}),
        (
            *("require_step_up", False, CAEP + "assurance-level-change"),
            {"current_level": "nist-aal1", "change_direction": "decrease", "namespace": "NIST-AAL"},
        ),
        (
            *("require_step_up", True, CAEP + "assurance-level-change"),
            {"current_level": "nist-aal2", "change_direction": "increase"},
        ),
    ],
)
async def test_each_measure_is_one_event(action: str, undo: bool, event: str, claims: dict[str, str]) -> None:
    """Each has the claims that its definition requires, and of CAEP says who began it, when and why."""
    told = await the_token(an_order(undo=undo, action=MeasureAction(action), undone_why="its time is over"))
    ((uri, payload),) = told["events"].items()
    assert event == uri
    assert claims.items() <= payload.items()
    if event.startswith(CAEP):
        why = "its time is over" if undo else "Success after guessing"
        assert ("policy", {"en": why}, told["iat"]) == (
            *(payload["initiating_entity"], payload["reason_admin"]),
            payload["event_timestamp"],
        )


async def test_the_settings_choose_another_event() -> None:
    """A reset may be told as a compromise, as RISC has it."""
    told = await the_token(an_order(action=MeasureAction.FORCE_RESET), events={"force_reset": "credential-compromise"})
    assert {RISC + "credential-compromise": {"credential_type": "password"}} == told["events"]


async def test_a_repeat_has_the_same_jti_and_claims() -> None:
    """Who pushes twice pushes the same token but for its signature, so that the receiver drops the second."""
    receiver = Receiver(status="503 Busy")
    async with a_channel(receiver) as channel:
        for _ in range(2):
            assert isinstance(await channel.deliver(an_order()), Retry)
    first, second = (read(body, a_key())[1] for _, body in receiver.asked)
    assert first == second
    assert an_order().id == first["jti"]
    assert (await the_token(an_order(undo=True)))["jti"] != first["jti"], "an undoing is an event of its own"


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ({}, {"format": "email", "email": "lan@tanphat.example"}),
        ({"subject": "opaque"}, {"format": "opaque", "id": "lan@tanphat.example"}),
        (
            {"subject": "iss_sub"},
            {"format": "iss_sub", "iss": "https://credwatch.example", "sub": "lan@tanphat.example"},
        ),
        (
            {"subject": "iss_sub", "subject_issuer": "https://idp.example"},
            {"format": "iss_sub", "iss": "https://idp.example", "sub": "lan@tanphat.example"},
        ),
    ],
)
async def test_an_account_is_named_as_the_receiver_knows_it(options: dict[str, str], subject: dict[str, str]) -> None:
    """By e-mail address, by issuer and subject, or by an opaque id (RFC 9493)."""
    assert subject == (await the_token(an_order(), **options))["sub_id"]


async def test_what_no_token_can_tell_is_refused_and_not_sent() -> None:
    """A name that is no address, an action without an event, and a command that is no order."""
    receiver = Receiver(status=ACCEPTED)
    for command in (an_order(target="lan"), an_order(action=MeasureAction.BAN_ADDRESS), a_command()):
        assert isinstance(await delivered(receiver, command), Refused)
    assert [] == receiver.asked


@pytest.mark.parametrize("code", ERRORS)
async def test_each_error_of_the_standard_is_told_and_given_up(code: str) -> None:
    """The receipt names the code, what it means, and the receiver's own words (RFC 8935, section 2.4)."""
    body = f'{{"err": "{code}", "description": "key 4711 has expired"}}'.encode()
    receipt = await delivered(Receiver(status="400 Bad Request", body=body))
    assert isinstance(receipt, Refused)
    assert all(words in receipt.reason for words in (code, ERRORS[code], "key 4711 has expired"))
    assert TOKEN not in receipt.reason


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[]", b'{"err": 7}', b'{"err": "teapot"}', b"\xff"])
async def test_a_refusal_without_a_code_is_given_up_too(body: bytes) -> None:
    """It says that there was none."""
    receipt = await delivered(Receiver(status="400 Bad Request", body=body))
    assert isinstance(receipt, Refused)
    assert "400 without an error of RFC 8935" in receipt.reason


@pytest.mark.parametrize("status", ["405 No", "413 Large", "415 Type", "422 No"])
async def test_what_will_never_be_taken_is_given_up(status: str) -> None:
    """Another method or type is for a person to mend."""
    assert isinstance(await delivered(Receiver(status=status)), Refused)


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        ("429 Slow", "Retry-After: 7\r\n", timedelta(seconds=7)),
        ("503 Busy", "Retry-After: 999999\r\n", timedelta(hours=1)),
        *((status, "", None) for status in ("401 Who", "403 No", "404 Where", "410 Gone", "500 Oops", "502 Gate")),
        ("302 Elsewhere", "Location: http://127.0.0.1:1/\r\n", None),
    ],
)
@pytest.mark.parametrize("undo", [False, True])
async def test_what_may_pass_is_tried_again(status: str, headers: str, after: timedelta | None, undo: bool) -> None:
    """A receiver that is busy, broken, elsewhere or does not let us in; a wrong URL is no account that is gone."""
    receipt = await delivered(Receiver(status=status, headers=headers), an_order(undo=undo))
    assert isinstance(receipt, Retry)
    assert (True, after) == (receipt.of_the_way, receipt.after)


@pytest.mark.parametrize(("status", "body"), [(ACCEPTED, b"queued"), ("200 OK", b""), ("204 None", b"")])
async def test_only_an_acceptance_counts(status: str, body: bytes) -> None:
    """202 with whatever body, or an empty success; a page of a proxy with status 200 is none."""
    assert isinstance(await delivered(Receiver(status=status, body=body)), Delivered)
    assert isinstance(await delivered(Receiver(status="200 OK", body=b"<html>hello</html>")), Retry)


async def test_silence_and_absence_are_tried_again() -> None:
    """A receiver that never answers is given up in time; one that is not there raises nothing."""
    silent = await asyncio.wait_for(delivered(Receiver(is_silent=True), timeout_seconds=0.2), 20)
    channel = SignalChannel(some_options(url="http://127.0.0.1:9/"), a_key(), None, lambda: NOON)
    for receipt in (silent, await channel.deliver(an_order())):
        assert isinstance(receipt, Retry)


@pytest.mark.parametrize(
    "pem",
    [
        Secret("no key"),
        _pem(ec.generate_private_key(ec.SECP384R1())),
        _pem(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"password")),
    ],
    ids=["text", "another curve", "encrypted"],
)
def test_a_key_that_cannot_be_used_is_refused_without_being_shown(pem: Secret) -> None:
    """The error says what is expected, and has nothing of the file in it."""
    with pytest.raises(ValueError, match=r"EC P-256|private key in PEM") as caught:
        SignalKey(pem)
    assert not any(line in str(caught.value) for line in pem.reveal().splitlines())
    assert caught.value.__cause__ is None, "the library's own words may quote it"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"events": {"force_reset": "session-revoked"}}, "known: credential-change"),
        ({"events": {"ban_address": "session-revoked"}}, "known: none"),
        ({"url": "http://idp.example/"}, "must begin with https"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, Any], words: str) -> None:
    """An event that does not tell the measure, and an address that anybody may read along."""
    with pytest.raises(ValidationError, match=words):
        some_options(**changes)


def test_a_plan_asks_only_for_what_events_tell() -> None:
    """Addresses are banned elsewhere; every measure that has an event is taken."""
    channel = some_options().model_dump()
    plan = {"name": "all", "channel": "idp", "incidents": ["account_takeover"], "actions": [*EVENTS]}
    EnforcementOptions.model_validate({"channel": [channel], "plan": [plan]})
    with pytest.raises(ValidationError, match="ssf does"):
        EnforcementOptions.model_validate({"channel": [channel], "plan": [plan | {"actions": ["ban_address"]}]})
