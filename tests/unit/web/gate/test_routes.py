"""The gate's endpoints: strict, bounded, silent about what they were told, and closed when something fails."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from credwatch.policy.corpus.corpus import CorpusInUse
from credwatch.policy.gate import Gate
from credwatch.policy.options import GateOptions
from credwatch.policy.password import Verdict
from credwatch.policy.profile import MfaProfile, PasswordProfile, PolicyProfile
from credwatch.web.gate.routes import gate_app
from unit.policy.corpus.range_files import a_corpus, sha1, write_folder
from unit.policy.gate_fakes import GOOD, MovableClock, NoStore, a_gate, a_totp
from unit.policy.test_totp import code_at

REMEMBERING = PolicyProfile(password=PasswordProfile(remember=2))
SECRET = "hunter2-hunter2-hunter2"


def client(gate: Gate | None = None, options: GateOptions | None = None) -> httpx.AsyncClient:
    """Connect to a gate in this process."""
    transport = httpx.ASGITransport(gate_app(gate or a_gate(), options))
    return httpx.AsyncClient(transport=transport, base_url="http://gate")


async def post(path: str, gate: Gate | None = None, **question: Any) -> httpx.Response:
    """Ask one question about Lan."""
    async with client(gate) as http:
        return await http.post(path, json={"user": "lan", "organization": "hoasen", **question})


async def test_a_good_password_is_accepted() -> None:
    """The answer holds the estimate and is not cached."""
    reply = await post("/v1/password/check", password=GOOD)
    assert reply.json() == {"accepted": True, "estimate": {"score": 4, "guesses_log10": 30.0}, "unchecked": []}
    assert reply.headers["cache-control"] == "no-store"


async def test_a_bad_password_gets_reasons_in_both_languages() -> None:
    """Each reason has its code, its number and two sentences."""
    answer = (await post("/v1/password/check", password="giraffes")).json()
    assert not answer["accepted"]
    (reason,) = answer["reasons"]
    assert (reason["code"], reason["limit"]) == ("too_short", 15)
    assert reason["vi"] == "Mật khẩu phải có ít nhất 15 ký tự."
    assert (await post("/v1/password/check", password="giraffes", with_mfa=True)).json()["accepted"]


async def test_blanks_at_the_ends_are_part_of_a_password() -> None:
    """Nothing is trimmed: fourteen letters and a blank are fifteen characters."""
    assert (await post("/v1/password/check", password="giraffe-houses ")).json()["accepted"]
    assert not (await post("/v1/password/check", password="giraffe-houses")).json()["accepted"]


async def test_a_lone_surrogate_is_refused_by_name() -> None:
    """JSON can carry half a character; the rules say so instead of failing."""
    body = b'{"user": "lan", "password": "giraffe houses \\ud83d"}'
    async with client() as http:
        answer = (await http.post("/v1/password/check", content=body)).json()
    assert [reason["code"] for reason in answer["reasons"]] == ["not_unicode"]


async def test_the_longest_password_fits() -> None:
    """1,024 code points pass, each written as two escapes."""
    password = "".join(chr(0x1F300 + number % 700) for number in range(1024))
    assert (await post("/v1/password/check", password=password)).json()["accepted"]


async def test_changes_are_remembered() -> None:
    """A recorded password is refused as reused."""
    gate = a_gate(PolicyProfile(password=PasswordProfile(remember=2)))
    assert (await post("/v1/password/changed", gate, password=GOOD)).json() == {"recorded": True, "remembered": 1}
    answer = (await post("/v1/password/check", gate, password=GOOD)).json()
    assert [reason["code"] for reason in answer["reasons"]] == ["reused"]


async def test_a_factor_from_enrolment_to_removal() -> None:
    """Enrol, confirm, log in, replay, lock, unlock, remove."""
    clock = MovableClock()
    gate = a_gate(PolicyProfile(mfa=MfaProfile(max_failures=1)), clock=clock)
    enrolment = await post("/v1/totp/enrol", gate)
    assert (enrolment.status_code, enrolment.json()["outcome"]) == (201, "waiting_for_code")
    assert enrolment.json()["secret"] in enrolment.json()["uri"]
    first = code_at(clock.now).reveal()
    assert (await post("/v1/totp/confirm", gate, code=first)).json()["accepted"]
    assert (await post("/v1/totp/enrol", gate)).status_code == 409
    replay = (await post("/v1/totp/verify", gate, code=first)).json()
    assert replay == {"accepted": False, "outcome": "replayed", "until": None, "locked": False}
    wrong = (await post("/v1/totp/verify", gate, code="000000")).json()
    assert wrong == {"accepted": False, "outcome": "wrong", "until": None, "locked": True}
    operator = {"by": "an.support", "why": "seen in person"}
    unlocked = (await post("/v1/totp/unlock", gate, **operator)).json()
    assert unlocked == {"unlocked": True, "outcome": "unlocked"}
    assert (await post("/v1/totp/remove", gate, **operator)).json() == {"removed": True}
    assert (await post("/v1/totp/verify", gate, code="000000")).json()["outcome"] == "not_enrolled"


async def test_the_wait_is_told() -> None:
    """A throttled answer says when the next code is looked at."""
    clock = MovableClock()
    gate = a_gate(PolicyProfile(mfa=MfaProfile(wait_after=1)), clock=clock)
    await post("/v1/totp/enrol", gate)
    await post("/v1/totp/confirm", gate, code="000000")
    answer = (await post("/v1/totp/confirm", gate, code=code_at(clock.now).reveal())).json()
    assert (answer["outcome"], answer["until"]) == ("throttled", "2026-03-09T02:00:30.000Z")


@pytest.mark.parametrize(
    ("question", "fields"),
    [
        ({"password": SECRET}, ["user"]),
        ({"user": "lan"}, ["password"]),
        ({"user": "lan", "password": 12345678}, ["password"]),
        ({"user": "", "password": SECRET}, ["user"]),
        ({"user": "lan\n", "password": SECRET}, ["user"]),
        ({"user": "l" * 257, "password": SECRET}, ["user"]),
        ({"user": 1, "password": SECRET}, ["user"]),
        ({"user": "lan", "password": SECRET, "with_mfa": "yes"}, ["with_mfa"]),
        ({"user": "lan", "password": SECRET, "source_ip": SECRET}, ["source_ip"]),
        ({"user": "lan", "password": SECRET, SECRET: 1}, []),
        ({"user": SECRET + "\x00", "password": SECRET}, ["user"]),
        ([SECRET], []),
        (SECRET, []),
        (None, []),
    ],
)
async def test_a_question_of_the_wrong_form_is_not_repeated(question: Any, fields: list[str]) -> None:
    """The error names known fields only, and nothing of what was sent."""
    async with client() as http:
        reply = await http.post("/v1/password/check", json=question)
    assert (400, fields) == (reply.status_code, reply.json()["error"]["fields"])
    assert not reply.json()["accepted"]
    assert SECRET not in reply.text


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\x00", b"[" * 15_000, b'{"user": "lan", "password": "x'])
async def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    """Torn, nested without end or not UTF-8: 400."""
    async with client() as http:
        assert (await http.post("/v1/password/check", content=body)).status_code == 400


async def test_an_oversized_body_is_cut_off() -> None:
    """A body beyond 16 KiB is refused while it arrives, whatever length it claims."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 1024
            yield b"x" * 1024

    async with client() as http:
        reply = await http.post("/v1/totp/verify", content=endless())
    assert reply.status_code == 413


@pytest.mark.parametrize("path", ["/v1/password/check", "/v1/password/changed", "/v1/totp/verify"])
async def test_a_body_that_does_not_arrive_is_given_up(path: str) -> None:
    """A request that trickles in is ended by the time limit."""

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(3)

    async with client(options=GateOptions(timeout_seconds=1)) as http:
        reply = await http.post(path, content=slow())
    assert (reply.status_code, reply.json()["accepted"]) == (408, False)


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/password/check"), ("POST", "/"), ("POST", "/v2/totp")])
async def test_other_places_answer_in_json(method: str, path: str) -> None:
    """An unknown path or method is a JSON error, never an acceptance."""
    async with client() as http:
        reply = await http.request(method, path)
    assert reply.status_code in (404, 405)
    assert not reply.json()["accepted"]


async def test_health_tells_of_the_key(tmp_path: Path) -> None:
    """Health says whether second factors can be done, and breached passwords be refused."""
    corpus = a_corpus(tmp_path)
    for gate, factors, breached in (
        (a_gate(), "ready", "not_configured"),
        (a_gate(totp=a_totp(key=None)), "no_sealing_key", "not_configured"),
        (a_gate(breached=CorpusInUse(corpus)), "ready", "ready"),
        (a_gate(breached=CorpusInUse(tmp_path / "none")), "ready", "unavailable"),
    ):
        async with client(gate) as http:
            answer = (await http.get("/v1/health")).json()
        assert {"status": "ok", "second_factors": factors, "breached_passwords": breached} == answer


async def test_a_range_is_handed_out_as_it_is(tmp_path: Path) -> None:
    """Software that asks the public service finds the same lines here, also where they are packed on the disk."""
    folder = write_folder(tmp_path / "ranges", {sha1("password"): 3}, packed=True)
    async with client(options=GateOptions(ranges=folder)) as http:
        reply = await http.get("/range/5baa6")
        assert (200, "1E4C9B93F3F0682250B6CF8331B7EE68FD8:3") == (reply.status_code, reply.text)
        assert reply.headers["content-type"].startswith("text/plain")
        assert 503 == (await http.get("/range/00000")).status_code
        for strange in ("5BAA", "5BAA61", "../..", "GGGGG", "5BAA%36"[:-1]):
            assert (await http.get(f"/range/{strange}")).status_code in (400, 404)
    async with client() as http:
        assert 404 == (await http.get("/range/5BAA6")).status_code


async def test_second_factors_fail_closed_and_say_so() -> None:
    """Without the key or the store the answer is 503 and not accepted."""
    without_key = await post("/v1/totp/verify", a_gate(totp=a_totp(key=None)), code="123456")
    assert without_key.json()["outcome"] == "not_enrolled"
    no_key = await post("/v1/totp/enrol", a_gate(totp=a_totp(key=None)))
    assert (no_key.status_code, no_key.json()["error"]["code"]) == (503, "not_configured")
    no_history = await post("/v1/password/changed", a_gate(REMEMBERING, passwords=NoStore()), password=GOOD)
    assert (no_history.status_code, no_history.json()["error"]["code"]) == (503, "unavailable")
    no_store = await post("/v1/totp/verify", a_gate(totp=a_totp(NoStore())), code="123456")
    assert (
        no_store.status_code,
        no_store.json()["accepted"],
        no_store.json()["error"]["code"],
    ) == (503, False, "unavailable")


class BrokenGate(Gate):
    """A gate with a mistake whose exception quotes the password."""

    def __init__(self, inner: Gate) -> None:
        self.__dict__.update(inner.__dict__)

    def check_password(self, question: Any) -> Verdict:
        raise RuntimeError(question.candidate.reveal())

    def verify(self, caller: Any, code: Any) -> Any:
        raise RuntimeError(code.reveal())


async def test_a_mistake_of_ours_does_not_open_the_gate() -> None:
    """An unforeseen exception refuses; its text, which may quote the secret, is neither sent nor logged."""
    with capture_logs() as logs:
        check = await post("/v1/password/check", BrokenGate(a_gate()), password=SECRET)
        verify = await post("/v1/totp/verify", BrokenGate(a_gate()), code=SECRET)
    assert [reason["code"] for reason in check.json()["reasons"]] == ["unavailable"]
    assert (verify.status_code, verify.json()["accepted"]) == (503, False)
    assert SECRET not in check.text + verify.text + repr(logs)
    assert [entry["problem"] for entry in logs] == ["RuntimeError", "RuntimeError"]


async def test_a_profile_may_let_passwords_pass() -> None:
    """With `on_failure = "accept"` a failed check accepts and says that nothing was checked."""
    trusting = PolicyProfile(password=PasswordProfile(on_failure="accept"))
    reply = await post("/v1/password/check", BrokenGate(a_gate(trusting)), password=SECRET)
    assert (reply.json()["accepted"], reply.json()["unchecked"]) == (True, ["everything"])


class SlowGate(BrokenGate):
    """A gate that takes two seconds."""

    def verify(self, caller: Any, code: Any) -> Any:
        time.sleep(2)


async def test_a_slow_answer_is_given_up() -> None:
    """After the time limit the answer is a failure, not a wait."""
    async with client(SlowGate(a_gate()), GateOptions(timeout_seconds=1)) as http:
        reply = await http.post("/v1/totp/verify", json={"user": "lan", "code": "123456"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "timeout")


async def test_too_many_questions_are_sent_away() -> None:
    """Beyond the bound the answer is `busy` at once."""
    async with client(SlowGate(a_gate()), GateOptions(waiting=1, timeout_seconds=1)) as http:
        asked = [http.post("/v1/totp/verify", json={"user": "lan", "code": "123456"}) for _ in range(4)]
        codes = sorted(reply.json()["error"]["code"] for reply in await asyncio.gather(*asked))
    assert codes == ["busy", "busy", "busy", "timeout"]


@pytest.fixture
def all_logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


async def test_nothing_asked_is_logged(all_logs: pytest.LogCaptureFixture) -> None:
    """No log at any level holds a password, a code or a new secret."""
    gate = a_gate(PolicyProfile(password=PasswordProfile(remember=1)))
    with capture_logs() as logs:
        await post("/v1/password/check", gate, password=SECRET)
        await post("/v1/password/changed", gate, password=SECRET)
        enrolment = await post("/v1/totp/enrol", gate)
        await post("/v1/totp/verify", gate, code="918273")
    text = all_logs.text + repr(logs)
    assert SECRET not in text
    assert "918273" not in text
    assert enrolment.json()["secret"] not in text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(st.binary(max_size=300), st.dictionaries(st.text(), st.text()).map(lambda d: json.dumps(d).encode()))
)
async def test_no_body_brings_it_down(body: bytes) -> None:
    """Whatever arrives, the answer is JSON and a 4xx."""
    async with client() as http:
        reply = await http.post("/v1/totp/verify", content=body)
    assert reply.status_code == 400
    assert not reply.json()["accepted"]
