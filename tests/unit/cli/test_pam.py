"""What PAM runs: it takes the person from the environment, the secret from standard input, and only 0 accepts."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from credwatch.cli.pam import pam_app
from unit.cli.test_gate_commands import gate_socket as gate_socket
from unit.policy.gate_fakes import GOOD

RUNNER = CliRunner()
PASSWORD = {"PAM_USER": "lan", "PAM_TYPE": "password", "PAM_SERVICE": "passwd"}
AUTH = {"PAM_USER": "lan", "PAM_TYPE": "auth", "PAM_SERVICE": "sshd", "PAM_RHOST": "203.0.113.7"}


@pytest.mark.parametrize(
    ("handed_over", "code", "said"),
    [
        (GOOD.encode(), 0, ""),
        (GOOD.encode() + b"\0", 0, ""),
        (b"password", 1, "Many people use this password"),
        (b"congtyhoasen2026", 1, "t\u00ean c\u00f4ng ty"),
        (b"\xff\xfe giraffe houses", 1, "not valid text"),
        (b"", 2, "handed over nothing"),
        (b"\0", 2, "handed over nothing"),
        (b"giraffe " * 64, 2, "too long"),
    ],
)
def test_a_new_password(gate_socket: Path, handed_over: bytes, code: int, said: str) -> None:
    """A good one passes in silence, a bad one with its reasons; nothing, and what PAM may have cut, never passes."""
    result = RUNNER.invoke(pam_app, ["password", "--socket", str(gate_socket)], input=handed_over, env=PASSWORD)
    assert code == result.exit_code, result.output
    assert said in result.stdout
    assert bool(said) is bool(result.stdout)


def test_a_code(gate_socket: Path) -> None:
    """A code of somebody who has no factor is not accepted, and the terminal says why."""
    result = RUNNER.invoke(pam_app, ["totp", "--socket", str(gate_socket)], input=b"123456", env=AUTH)
    assert (1, "The code is not accepted: not enrolled.\n") == (result.exit_code, result.stdout)


@pytest.mark.parametrize("host", ["203.0.113.7", "client.example", "", "; rm -rf /"])
def test_a_host_that_is_no_address_is_left_out(gate_socket: Path, host: str) -> None:
    """sshd may hand over a name in place of an address: the question is understood all the same."""
    environment = AUTH | {"PAM_RHOST": host}
    result = RUNNER.invoke(pam_app, ["totp", "--socket", str(gate_socket)], input=b"123456", env=environment)
    assert "not enrolled" in result.stdout


@pytest.mark.parametrize("environment", [{"PAM_USER": "lan"}, {"PAM_TYPE": "password"}, AUTH])
def test_another_place_in_pam_is_refused(gate_socket: Path, environment: dict[str, str]) -> None:
    """Outside PAM, or where PAM does not set a password, nothing is accepted."""
    empty = {"PAM_USER": "", "PAM_TYPE": ""}
    at_gate = ["password", "--socket", str(gate_socket)]
    result = RUNNER.invoke(pam_app, at_gate, input=GOOD.encode(), env=empty | environment)
    assert (2, True) == (result.exit_code, "expected PAM_USER" in result.stdout)


def test_no_gate_is_no(tmp_path: Path) -> None:
    """Without a gate a password is refused unless the operator wants otherwise, and a code always."""
    nowhere = ["--socket", str(tmp_path / "none")]
    refused = RUNNER.invoke(pam_app, ["password", *nowhere], input=GOOD.encode(), env=PASSWORD)
    assert (3, True) == (refused.exit_code, "the gate does not answer" in refused.stdout)
    accepting = ["password", *nowhere, "--without-gate", "accept"]
    assert 0 == RUNNER.invoke(pam_app, accepting, input=GOOD.encode(), env=PASSWORD).exit_code
    assert 3 == RUNNER.invoke(pam_app, ["totp", *nowhere], input=b"123456", env=AUTH).exit_code
