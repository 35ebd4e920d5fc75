"""Readiness and watchdog, against a real datagram socket."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path

import pytest

from credwatch.telemetry.systemd import notify, watchdog_seconds


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
