"""The package's own client of the gate: typed verdicts, and errors that hold no secret."""

from __future__ import annotations

import json
import traceback
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from contracts.test_gate_clients import saying
from credwatch.client.asking import GateError, GateUnavailable, QuestionRefused, ask
from credwatch.client.gate import CodeVerdict, GateClient, GateLogin, GateUser, GateVerdict, PasswordUse
from credwatch.kernel.secret import Secret
from strange_gate import stranger
from unit.cli.test_gate_commands import gate_socket as gate_socket
from unit.policy.gate_fakes import GOOD, MovableClock
from unit.policy.test_totp import code_at

LAN = GateUser("lan", organization="hoasen", source_ip="203.0.113.7")
HIDDEN = "correct-horse-492039"


@pytest.fixture
def client(gate_socket: Path) -> GateClient:
    """Build a client of a gate that runs."""
    return GateClient(gate_socket, seconds=30)


def test_a_password_is_judged(client: GateClient) -> None:
    """An accepted one, and one that is refused with the rule and both languages."""
    assert client.check_password(LAN, Secret(GOOD)).accepted
    refused = client.check_password(LAN, Secret("tám chữ ạ"))
    (reason,) = refused.reasons
    assert (False, "too_short", 15) == (refused.accepted, reason.code, reason.limit)
    assert ("3.1.1.2" in reason.rule, "15" in reason.vi, "15" in reason.en) == (True, True, True)


def test_what_stands_around_a_password_counts(client: GateClient) -> None:
    """With a second factor nine characters do, and the words of the address do not."""
    assert client.check_password(LAN, Secret("tám chữ ạ"), PasswordUse(with_mfa=True)).accepted
    address = PasswordUse(email="ketoan@example.com")
    assert ["context"] == [
        reason.code for reason in client.check_password(LAN, Secret("ketoanketoan2026"), address).reasons
    ]


def test_a_code_counts_once(client: GateClient) -> None:
    """A code is accepted and then replayed; a recovery code that was never made is wrong and locks."""
    code = code_at(MovableClock().now)
    assert CodeVerdict(False, "not_enrolled", locked=False) == client.verify_totp(LAN, code)
    for place in ("totp/enrol", "totp/confirm"):
        ask(client.socket, place, {"user": "lan", "organization": "hoasen"} | _code(place, code), seconds=30)
    assert client.verify_totp(LAN, code).outcome == "replayed"
    codes = ask(client.socket, "recovery/make", {"user": "lan", "organization": "hoasen"}, seconds=30)["codes"]
    assert client.verify_recovery_code(LAN, Secret(codes[0])).left == 9
    wrong = client.verify_recovery_code(LAN, Secret(codes[0]))
    assert (False, "wrong", True) == (wrong.accepted, wrong.outcome, wrong.locked)


def _code(place: str, code: Secret) -> dict[str, Secret]:
    return {"code": code} if place == "totp/confirm" else {}


def test_a_login_is_held_against_the_rules(client: GateClient) -> None:
    """A login with a factor stands, and a moment without a time zone is a mistake that is named."""
    now = MovableClock().now
    assert client.check_login(LAN, GateLogin(("totp",), password_set_at=now - timedelta(days=9))).accepted
    with pytest.raises(QuestionRefused) as refused:
        client.check_login(LAN, GateLogin(("totp",), password_set_at=datetime(2026, 3, 1)))
    assert refused.value.fields == ("password_set_at",)


def test_pushes_are_counted(client: GateClient) -> None:
    """The sixth push of an hour is refused until there is room."""
    verdicts = [client.check_push(LAN) for _ in range(6)]
    assert [True] * 5 + [False] == [verdict.accepted for verdict in verdicts]
    assert verdicts[-1].until
    assert verdicts[-1].until.tzinfo


ECHO = json.dumps({"accepted": HIDDEN, "error": {"message": HIDDEN, "fields": [HIDDEN, "code"]}}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        saying("400 no", ECHO),
        saying("503 no", ECHO),
        saying("200 OK", json.dumps({"accepted": HIDDEN, "outcome": HIDDEN, "locked": False}).encode()),
        saying("200 OK", HIDDEN.encode()),
        f"HTTP/1.1 {HIDDEN}\r\n\r\n".encode(),
        HIDDEN.encode() + b"\r\n\r\n",
    ],
)
def test_no_error_holds_a_secret(tmp_path: Path, answer: bytes) -> None:
    """A code shows neither in an error nor in the local variables of its traceback, even where the peer repeats it."""
    client = GateClient(tmp_path / "gate.sock", seconds=30)
    with stranger(client.socket, lambda peer: peer.sendall(answer)), pytest.raises(GateError) as caught:
        client.verify_totp(LAN, Secret(HIDDEN))
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    frames = [f"{frame.frame.f_locals}" for frame in caught.traceback if "credwatch/client" in f"{frame.path}"]
    assert len(frames) >= 2
    assert HIDDEN not in f"{frames}{caught.value!r}{caught.value}{vars(caught.value)}"
    assert HIDDEN not in "".join(traceback.format_exception(caught.value))


def test_another_form_of_answer_is_no_verdict(tmp_path: Path) -> None:
    """An answer without `accepted` is no verdict."""
    client = GateClient(tmp_path / "gate.sock", seconds=30)
    answer = saying("200 OK", b'{"reasons": []}')
    with stranger(client.socket, lambda peer: peer.sendall(answer)), pytest.raises(GateUnavailable) as caught:
        client.check_push(LAN)
    assert "another form" in caught.value.message


def test_what_the_profile_makes_of_no_verdict(tmp_path: Path) -> None:
    """Where the profile lets passwords pass unchecked, the verdict says why nobody looked."""
    client = GateClient(tmp_path / "gate.sock", seconds=30)
    answer = saying(
        "200 OK", b'{"accepted": true, "unchecked": ["everything"], "undecided": "busy", "on_failure": "accept"}'
    )
    with stranger(client.socket, lambda peer: peer.sendall(answer)):
        verdict = client.check_password(LAN, Secret(GOOD))
    assert GateVerdict(True, unchecked=("everything",), undecided="busy") == verdict


def test_a_text_that_is_no_secret_is_a_mistake(client: GateClient) -> None:
    """Only what may be asked about is written: another kind of value is refused before anything is sent."""
    with pytest.raises(TypeError, match="bytes"):
        ask(client.socket, "totp/verify", {"code": b"123456"}, seconds=30)
