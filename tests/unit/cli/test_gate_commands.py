"""`password` and `totp` on the command line: answers, exit codes, and no secret where it could be seen."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credwatch.cli.password import password_app
from credwatch.cli.totp import totp_app
from credwatch.policy.profile import MfaProfile, PasswordProfile, PolicyProfile
from credwatch.web.gate.routes import gate_app
from credwatch.web.unix_socket import serve_gate
from strange_gate import stranger
from unit.policy.gate_fakes import GOOD, MovableClock, a_gate
from unit.policy.test_totp import code_at

RUNNER = CliRunner()


@pytest.fixture
def gate_socket(tmp_path: Path) -> Iterator[Path]:
    """Serve a gate in a thread; it remembers two passwords, and one wrong code locks."""
    path, ready, ends = tmp_path / "gate.sock", threading.Event(), []
    profile = PolicyProfile(password=PasswordProfile(remember=2), mfa=MfaProfile(max_failures=1))

    async def serve() -> None:
        stop, started = asyncio.Event(), asyncio.Event()
        ends.append((asyncio.get_running_loop(), stop))
        serving = asyncio.create_task(serve_gate(gate_app(a_gate(profile)), path, stop=stop, started=started))
        await started.wait()
        ready.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    yield path
    loop, stop = ends[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)


@pytest.mark.parametrize(
    ("password", "options", "code"),
    [
        (GOOD, [], 0),
        (GOOD + "\n", [], 0),
        ("tám chữ ạ", [], 1),
        ("tám chữ ạ", ["--with-mfa"], 0),
        ("thilanthilan2026", ["--user", "thilan"], 1),
        ("hoasenhoasen2026", ["--organization", "hoasen"], 1),
        ("ketoanketoan2026", ["--email", "ketoan@example.com"], 1),
        (b"\xff\xfe giraffe houses", [], 1),
        ("", [], 1),
    ],
)
def test_a_password_without_a_gate(password: str | bytes, options: list[str], code: int) -> None:
    """Without a socket the default profile judges standard input."""
    result = RUNNER.invoke(password_app, ["check", *options], input=password)
    assert code == result.exit_code, result.output


def test_the_answer_as_json() -> None:
    """`--json` prints the gate's own form of answer, in both languages."""
    result = RUNNER.invoke(password_app, ["check", "--json"], input="tám chữ ạ")
    answer = json.loads(result.stdout)
    assert [reason["code"] for reason in answer["reasons"]] == ["too_short"]
    assert "ít nhất 15" in answer["reasons"][0]["vi"]
    accepted = json.loads(RUNNER.invoke(password_app, ["check", "--json"], input=GOOD).stdout)
    assert (accepted["accepted"], accepted["unchecked"]) == (True, ["history"])


def test_a_profile_from_a_file(tmp_path: Path) -> None:
    """`--profile` reads a profile; a mistake in it, or no such file, is a usage error with the place."""
    path = tmp_path / "profile.toml"
    path.write_text("[password]\nminimum_alone = 9\nminimum_with_mfa = 9\n")
    assert RUNNER.invoke(password_app, ["check", "--profile", str(path)], input="tám chữ ạ").exit_code == 0
    path.write_text("[password]\nminimum_alon = 9\n")
    wrong = RUNNER.invoke(password_app, ["check", "--profile", str(path)], input="tám chữ ạ")
    assert (wrong.exit_code, "minimum_alone" in wrong.stderr) == (2, True)
    missing = RUNNER.invoke(password_app, ["check", "--profile", str(tmp_path / "none")], input="x")
    assert (missing.exit_code, "none" in missing.stderr) == (2, True)


def test_a_password_at_the_gate(gate_socket: Path) -> None:
    """With a socket the gate answers; the socket needs a user and excludes a profile."""
    at_gate = ["check", "--socket", str(gate_socket)]
    assert RUNNER.invoke(password_app, [*at_gate, "--user", "lan"], input=GOOD).exit_code == 0
    refused = RUNNER.invoke(password_app, [*at_gate, "--user", "lan"], input="congtyhoasen2026")
    assert (refused.exit_code, "tên công ty" in refused.stdout) == (1, True)
    assert RUNNER.invoke(password_app, at_gate, input=GOOD).exit_code == 2
    both = RUNNER.invoke(password_app, [*at_gate, "--user", "lan", "--profile", "x.toml"], input=GOOD)
    assert both.exit_code == 2


def test_a_factor_on_the_command_line(gate_socket: Path) -> None:
    """Enrol, first code, lock, unlock, remove, each with its exit code."""
    at_gate = ["--socket", str(gate_socket), "--user", "lan", "--json"]
    operator = ["--by", "an.support", "--why", "seen in person"]
    enrolled = RUNNER.invoke(totp_app, ["enrol", *at_gate])
    assert (enrolled.exit_code, json.loads(enrolled.stdout)["outcome"]) == (0, "waiting_for_code")
    first = code_at(MovableClock().now).reveal()
    assert RUNNER.invoke(totp_app, ["verify", "--first", *at_gate], input=first).exit_code == 0
    assert RUNNER.invoke(totp_app, ["enrol", *at_gate]).exit_code == 1
    replayed = RUNNER.invoke(totp_app, ["verify", *at_gate], input=first + "\n")
    assert (replayed.exit_code, json.loads(replayed.stdout)["outcome"]) == (1, "replayed")
    assert RUNNER.invoke(totp_app, ["verify", *at_gate], input="000000").exit_code == 1
    assert RUNNER.invoke(totp_app, ["unlock", *at_gate, *operator]).exit_code == 0
    assert RUNNER.invoke(totp_app, ["unlock", *at_gate, *operator]).exit_code == 1
    assert RUNNER.invoke(totp_app, ["remove", *at_gate, *operator]).exit_code == 0
    assert RUNNER.invoke(totp_app, ["remove", *at_gate, *operator]).exit_code == 1


def test_recovery_codes_on_the_command_line(gate_socket: Path) -> None:
    """None without a factor; then ten, of which each is taken once, and how many are left is said."""
    at_gate = ["--socket", str(gate_socket), "--user", "lan"]
    none = RUNNER.invoke(totp_app, ["recovery-codes", *at_gate])
    assert (none.exit_code, none.stdout) == (1, "not_enrolled\n")
    RUNNER.invoke(totp_app, ["enrol", *at_gate])
    RUNNER.invoke(totp_app, ["verify", "--first", *at_gate], input=code_at(MovableClock().now).reveal())
    made = RUNNER.invoke(totp_app, ["recovery-codes", *at_gate])
    code, *others = made.stdout.split()
    assert (0, 9) == (made.exit_code, len(others))
    taken = RUNNER.invoke(totp_app, ["recover", *at_gate], input=code)
    assert (taken.exit_code, taken.stdout) == (0, "accepted, 9 left\n")
    again = RUNNER.invoke(totp_app, ["recover", *at_gate], input=code)
    assert (again.exit_code, again.stdout) == (1, "wrong\n")


def test_people_are_told_in_words(gate_socket: Path) -> None:
    """Without `--json` the secret stands beside its URI, and an outcome is a word."""
    at_gate = ["--socket", str(gate_socket), "--user", "lan"]
    told = RUNNER.invoke(totp_app, ["enrol", *at_gate]).stdout
    assert told.startswith("otpauth://totp/MODORO:lan?")
    assert "\nsecret " in told
    assert "not_enrolled" in RUNNER.invoke(totp_app, ["verify", *at_gate], input="000000").stdout


def test_no_gate_is_an_exit_code_of_its_own(tmp_path: Path) -> None:
    """Where nobody listens the exit code is 3 and the advice goes to stderr; nothing is accepted."""
    at_gate = ["--socket", str(tmp_path / "none.sock"), "--user", "lan"]
    for app, arguments in ((password_app, ["check"]), (totp_app, ["verify"]), (totp_app, ["enrol"])):
        result = RUNNER.invoke(app, [*arguments, *at_gate], input="123456")
        assert (result.exit_code, result.stdout) == (3, "")
        assert "check that credwatch runs" in result.stderr
        assert "123456" not in result.stderr


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 503 no\r\nContent-Length: 45\r\n\r\n" + b'{"accepted": true, "error": {"message": "no"}}'[:45], 3),
        (b"HTTP/1.1 503 no\r\nContent-Length: 46\r\n\r\n" + b'{"accepted": true, "error": {"message": "no"}}', 3),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue", 3),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b'{"accepted": "yes" }', 1),
        (b"garbage\r\n\r\n", 3),
        (b"", 3),
    ],
)
def test_a_strange_gate_is_not_believed(tmp_path: Path, answer: bytes, code: int) -> None:
    """Only the answer `accepted: true` with status 200 is an acceptance."""
    path = tmp_path / "strange.sock"

    def speak(peer: socket.socket) -> None:
        peer.sendall(answer)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):  # closing with a part of the question unread would reset the connection
            pass

    with stranger(path, speak):
        result = RUNNER.invoke(totp_app, ["verify", "--socket", str(path), "--user", "lan"], input="123456")
    assert result.exit_code == code
