"""What a client of the gate promises: that of the package, and the examples of docs/gate.md as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from credwatch.client.asking import GateBusy, GateError, GateUnavailable, ask
from strange_gate import stranger
from unit.cli.test_gate_commands import gate_socket as gate_socket
from unit.policy.gate_fakes import GOOD, MovableClock
from unit.policy.test_totp import code_at

PAGE = (Path(__file__).parents[2] / "docs" / "gate.md").read_text(encoding="utf-8")
Client = Callable[[Path, str, dict[str, Any], int], dict[str, Any]]
"""Asks on a socket, at a place, a question, for so many seconds; gives the answer, or why there is none."""

RUN_PHP = """<?php
require 'gate.php';
[$place, $question, $seconds] = json_decode(stream_get_contents(STDIN), true);
echo json_encode(ask_gate($place, $question, $seconds));
"""
RUN_NODE = """import { askGate } from './gate.mjs';
import { readFileSync } from 'node:fs';
const [place, question, seconds] = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(await askGate(place, question, seconds)));
"""
USE_PHP = "<?php require 'gate.php'; $user = 'lan'; $_POST['code'] = '123456';\n"
USE_NODE = """import { askGate } from './gate.mjs';
const user = 'lan', form = { code: '123456' }, refuse = (words) => process.stdout.write(words);
"""


def example(language: str, number: int = 0) -> str:
    """Cut an example in a language out of the page: first the client, then how it is used."""
    return str(re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)[number])


def in_python(path: Path, place: str, question: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Ask by the client of the package."""
    try:
        return ask(path, place, question, seconds=seconds)
    except GateError as error:
        return {"accepted": False, "undecided": "busy" if isinstance(error, GateBusy) else "unavailable"}


def run(program: str, path: Path, language: str, ending: str, main: str, given: str = "") -> str:
    """Run a program beside the client of the page, where a proxy is in the environment, as on many servers."""
    (path.parent / f"gate.{ending}").write_text(example(language).replace("/run/credwatch/gate.sock", str(path)))
    (path.parent / f"main.{ending}").write_text(main)
    done = subprocess.run(
        [program, f"main.{ending}"],
        input=given,
        cwd=path.parent,
        env=dict(os.environ) | dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


def in_php(path: Path, place: str, question: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Ask by the example in PHP."""
    return dict(json.loads(run("php", path, "php", "php", RUN_PHP, json.dumps([place, question, seconds]))))


def in_node(path: Path, place: str, question: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Ask by the example in JavaScript."""
    return dict(json.loads(run("node", path, "js", "mjs", RUN_NODE, json.dumps([place, question, seconds]))))


def php_can_curl() -> bool:
    """Say whether PHP is here with its extension."""
    php = shutil.which("php")
    return php is not None and "curl" in subprocess.run([php, "-m"], capture_output=True, text=True, timeout=60).stdout


WITH_PHP = pytest.mark.skipif(not php_can_curl(), reason="needs the Debian packages php-cli and php-curl")
WITH_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="needs the Debian package nodejs")


@pytest.fixture(
    params=[
        pytest.param(in_python, id="python"),
        pytest.param(in_php, id="php", marks=[pytest.mark.real, WITH_PHP]),
        pytest.param(in_node, id="node", marks=[pytest.mark.real, WITH_NODE]),
    ]
)
def client(request: pytest.FixtureRequest) -> Client:
    """Give each client in turn."""
    return request.param  # type: ignore[no-any-return]


def saying(status: str, body: bytes, length: int | None = None) -> bytes:
    """Write an answer; `length` says another one than it has."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body


def asked_of(client: Client, path: Path, answer: bytes) -> dict[str, Any]:
    """Return what a client makes of one answer."""
    with stranger(path, lambda peer: peer.sendall(answer)):
        return client(path, "totp/verify", {"user": "lan", "code": "123456"}, 30)


def test_a_gate_is_asked(client: Client, gate_socket: Path) -> None:
    """A good password passes and a bad one does not, with its reasons; one code counts once."""
    user = {"user": "lan", "organization": "hoasen"}
    assert client(gate_socket, "password/check", user | {"password": GOOD}, 30)["accepted"] is True
    refused = client(gate_socket, "password/check", user | {"password": "hoasenhoasen2026"}, 30)
    assert (False, ["context"]) == (refused["accepted"], [reason["code"] for reason in refused["reasons"]])
    ask(gate_socket, "totp/enrol", user, seconds=30)
    code = user | {"code": code_at(MovableClock().now).reveal()}
    assert client(gate_socket, "totp/confirm", code, 30)["accepted"] is True
    replayed = client(gate_socket, "totp/verify", code, 30)
    assert (False, "replayed") == (replayed["accepted"], replayed["outcome"])


def test_what_is_not_understood_is_refused(client: Client, gate_socket: Path) -> None:
    """A question with an unknown field is answered with an error, and nothing is accepted."""
    answer = client(gate_socket, "totp/verify", {"user": "lan", "codes": "123456"}, 30)
    assert (False, "bad_request") == (answer["accepted"], answer["error"]["code"])


def test_an_absent_gate_accepts_nothing(client: Client, tmp_path: Path) -> None:
    """Where nobody listens it is unavailable, not busy."""
    answer = client(tmp_path / "none.sock", "totp/verify", {"user": "lan", "code": "123456"}, 30)
    assert answer == {"accepted": False, "undecided": "unavailable"}


@pytest.mark.parametrize("undecided", ["busy", "timeout"])
def test_busy_is_told_apart(client: Client, tmp_path: Path, undecided: str) -> None:
    """Of the reasons for no verdict only `busy` is told as such, and what `accepted` says there counts for nothing."""
    body = json.dumps({"accepted": True, "undecided": undecided}).encode()
    answer = asked_of(client, tmp_path / "gate.sock", saying("503 no", body))
    assert answer == {"accepted": False, "undecided": "busy" if undecided == "busy" else "unavailable"}


@pytest.mark.parametrize(
    "answer",
    [
        saying("400 no", b'{"accepted": true}'),
        saying("302 no", b'{"accepted": true}'),
        saying("200 OK", b'{"accepted": true}', 100),
        saying("200 OK", b"[true]"),
        saying("200 OK", b"true"),
        saying("200 OK", b"null"),
        saying("200 OK", b'{"accepted": 1}'),
        saying("200 OK", b'{"accepted": "true"}'),
        saying("200 OK", b"{}"),
        b"garbage\r\n\r\n",
        b"",
    ],
)
def test_a_strange_answer_is_no_acceptance(client: Client, tmp_path: Path, answer: bytes) -> None:
    """Whatever is not `accepted: true`, whole and with status 200, is not taken for yes."""
    assert asked_of(client, tmp_path / "gate.sock", answer).get("accepted") is not True


def test_a_slow_gate_is_not_waited_for(client: Client, tmp_path: Path) -> None:
    """A peer that goes on sending a byte now and then is left when the time is over, and has accepted nothing."""

    def drip(peer: socket.socket) -> None:
        try:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
            for _ in range(1200):
                peer.sendall(b" ")
                time.sleep(0.05)
        except OSError:
            left.set()

    left = threading.Event()
    with stranger(tmp_path / "gate.sock", drip):
        answer = client(tmp_path / "gate.sock", "totp/verify", {"user": "lan", "code": "123456"}, 1)
        assert left.wait(30)
    assert answer == {"accepted": False, "undecided": "unavailable"}


def test_a_full_queue_is_busy(tmp_path: Path) -> None:
    """Where the listener takes nobody in, the package's client says busy at once."""
    path = tmp_path / "gate.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
        listener.bind(str(path))
        listener.listen(0)
        waiting.connect(str(path))
        with pytest.raises(GateBusy):
            ask(path, "totp/verify", {}, seconds=30)


def test_an_endless_answer_is_not_kept(tmp_path: Path) -> None:
    """More than a gate ever says is not read to its end."""
    with stranger(tmp_path / "gate.sock", lambda peer: _flood(peer)), pytest.raises(GateUnavailable):
        ask(tmp_path / "gate.sock", "totp/verify", {}, seconds=30)


def _flood(peer: socket.socket) -> None:
    try:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(b"[" * 65536)
    except OSError:
        return


USES = [
    pytest.param("php", "php", "php", USE_PHP, id="php", marks=[pytest.mark.real, WITH_PHP]),
    pytest.param("node", "js", "mjs", USE_NODE, id="node", marks=[pytest.mark.real, WITH_NODE]),
]


@pytest.mark.parametrize(("program", "language", "ending", "before"), USES)
def test_the_use_on_the_page(tmp_path: Path, program: str, language: str, ending: str, before: str) -> None:
    """A person is asked to try again where the gate is busy, and is refused where there is none."""
    path, main = tmp_path / "gate.sock", before + example(language, 1)
    assert run(program, path, language, ending, main) == "The code is not accepted."
    busy = saying("503 no", b'{"accepted": false, "undecided": "busy"}')
    with stranger(path, lambda peer: peer.sendall(busy)):
        assert run(program, path, language, ending, main) == "Try again in a second."


def test_the_use_in_python(gate_socket: Path) -> None:
    """The example of the page accepts a right code, refuses it the second time, and refuses without a gate."""
    user, now = {"user": "lan", "organization": "hoasen"}, MovableClock().now
    ask(gate_socket, "totp/enrol", user, seconds=30)
    ask(gate_socket, "totp/confirm", user | {"code": code_at(now)}, seconds=30)
    code = code_at(now + timedelta(seconds=30)).reveal()
    answers = []
    for path in (gate_socket.with_name("none.sock"), gate_socket, gate_socket):
        names: dict[str, Any] = {}
        exec(example("python").replace("/run/credwatch/gate.sock", str(path)), names)
        answers.append(names["code_is_right"]("lan", "hoasen", code, "203.0.113.7"))
    assert [False, True, False] == answers
