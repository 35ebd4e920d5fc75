"""Readiness, watchdog and credentials, against a real datagram socket and real files."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path

import pytest

from credwatch.app.systemd import credential, notify, watchdog_seconds
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.secret import Secret


def _listening(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(address)
    listener.settimeout(60)
    return listener


def test_a_state_reaches_the_manager_by_path(tmp_path: Path) -> None:
    """The state arrives as one datagram."""
    with _listening(str(tmp_path / "notify")) as listener:
        assert notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert listener.recv(100) == b"READY=1"


def test_a_state_reaches_the_manager_by_abstract_name() -> None:
    """A socket without a file, as in containers, is reached as well."""
    name = f"credwatch-{uuid.uuid4()}"
    with _listening(f"\0{name}") as listener:
        assert notify("WATCHDOG=1", {"NOTIFY_SOCKET": f"@{name}"})
        assert listener.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "notify", "vsock:2:1", "/nowhere/notify"])
def test_no_manager_is_no_error(address: str) -> None:
    """Without systemd, or where its socket is gone, nothing is sent and nothing is raised."""
    assert not notify("READY=1", {"NOTIFY_SOCKET": address})
    assert not notify("READY=1", {})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_ours_or_none(environ: dict[str, str], expected: float | None) -> None:
    """Only a watchdog meant for this process counts."""
    assert watchdog_seconds(environ) == expected


def _given(folder: Path, value: bytes) -> dict[str, str]:
    (folder / "smtp-password").write_bytes(value)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


@pytest.mark.parametrize("value", [b"hunter2", b"hunter2\n", b"hunter2\r\n"])
def test_a_credential_is_read_without_its_last_newline(tmp_path: Path, value: bytes) -> None:
    """An editor's newline is no part of a password."""
    assert credential("smtp-password", _given(tmp_path, value)) == Secret("hunter2")


def test_spaces_belong_to_a_credential(tmp_path: Path) -> None:
    """Only newlines at the end go."""
    assert credential("smtp-password", _given(tmp_path, b" two words \n")) == Secret(" two words ")


def test_no_credential_is_none(tmp_path: Path) -> None:
    """A credential that the unit does not hand over is not there, and no name leads out of the folder."""
    (tmp_path.parent / "outside").write_text("x")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert credential("totp-key", environ) is None
    assert credential("../outside", environ) is None
    assert credential("totp-key", {}) is None


@pytest.mark.parametrize("value", [b"", b"\n", b"\xff\xfehunter2"])
def test_a_broken_credential_is_an_error_that_does_not_show_it(tmp_path: Path, value: bytes) -> None:
    """The error names the credential, and neither its text nor its cause holds the bytes."""
    with pytest.raises(ConfigurationError, match="credential smtp-password") as caught:
        credential("smtp-password", _given(tmp_path, value))
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_credential_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    """What cannot be read is told, with the system's reason."""
    (tmp_path / "smtp-password").mkdir()
    with pytest.raises(ConfigurationError, match="directory"):
        credential("smtp-password", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
