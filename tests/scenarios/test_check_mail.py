"""`credwatch check` proves the mail server, and `--send` a message, whatever the server answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from child_server import a_free_port
from scenarios.daemon import PATIENCE, SOURCE_ROOT, Site
from scenarios.post_office import a_post_office


def _check(folder: Path, port: int, *arguments: str) -> tuple[int, dict[str, Any], str]:
    site = Site(folder, port).furnish()
    told = subprocess.run(
        [sys.executable, "-m", "credwatch", "check", "--json", "--config", str(site.config), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(SOURCE_ROOT)},
    )
    return told.returncode, json.loads(told.stdout or "{}"), told.stderr


def test_a_mail_server_that_answers_is_no_problem(tmp_path: Path) -> None:
    """A server that takes our sender is well, and gets no message."""
    with a_post_office() as office:
        code, told, _ = _check(tmp_path, office.port)
    assert (0, {"problems": []}) == (code, told)
    assert [] == office.letters


def test_a_dead_mail_server_is_a_fault(tmp_path: Path) -> None:
    """Where nobody listens `check` ends with 1 and names host and port; --offline does not ask."""
    port = a_free_port()
    code, told, _ = _check(tmp_path, port)
    (problem,) = told["problems"]
    assert (1, "fault", f"outbox.email: 127.0.0.1:{port}") == (code, problem["severity"], problem["where"])
    assert (0, {"problems": []}) == _check(tmp_path, port, "--offline")[:2]


def test_a_mail_server_that_says_nothing_does_not_hang_it(tmp_path: Path) -> None:
    """A server that takes the connection and is silent is named within its time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        code, told, _ = _check(tmp_path, silent.getsockname()[1])
    assert 1 == code
    assert "no answer within 20 s" in told["problems"][0]["message"]
    assert time.monotonic() - begun < PATIENCE / 2


def test_a_test_message_arrives_and_the_answer_is_told(tmp_path: Path) -> None:
    """The message says in both languages that it is a test, and the server's own words are shown."""
    with a_post_office() as office:
        code, told, _ = _check(tmp_path, office.port, "--send", "lan@haiau.example")
    assert (0, "250 2.0.0 taken") == (code, told["answer"])
    (letter,) = office.letters
    message = message_from_bytes(letter.content, policy=policy.default)
    assert "lan@haiau.example" == letter.recipient
    assert "Thư thử của credwatch: không có sự cố" == message["Subject"]
    body = message.get_body(("plain",))
    assert body is not None
    words = " ".join(body.get_content().split())
    assert "Đây là thư thử" in words
    assert "This is a test" in words


@pytest.mark.parametrize("answer", ["451 4.7.1 Greylisted, come back later", "550 5.1.1 no such user"])
def test_a_test_message_that_is_not_taken_is_a_fault(tmp_path: Path, answer: str) -> None:
    """Greylisting and a refusal are told in the server's words, and `check` ends with 1."""
    with a_post_office() as office:
        office.answer = lambda _recipient: answer
        code, told, _ = _check(tmp_path, office.port, "--send", "lan@haiau.example")
    assert (1, answer) == (code, told["answer"])
    (problem,) = told["problems"]
    assert answer in problem["message"]
    assert problem["hint"]


def test_a_test_message_is_not_sent_into_nothing(tmp_path: Path) -> None:
    """Where the mail server has a problem, that is told once, and nothing is sent."""
    code, told, _ = _check(tmp_path, a_free_port(), "--send", "lan@haiau.example")
    assert (1, 1) == (code, len(told["problems"]))
    assert told["answer"].startswith("not sent")


@pytest.mark.parametrize("arguments", [("--send", "Lan <lan@haiau.example>"), ("--send", "a@b.example", "--offline")])
def test_what_cannot_be_sent_is_a_mistake_of_the_command_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """An address that is none, and a message without a mail server, end with 2."""
    code, told, said = _check(tmp_path, a_free_port(), *arguments)
    assert (2, {}) == (code, told)
    assert "--send" in said or "display name" in said
