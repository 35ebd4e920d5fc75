"""The service manager, as the daemon sees it: a socket that takes what it says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Manager:
    """Hears what a daemon says to systemd, and keeps it."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._said: list[str] = []

    def said(self) -> list[str]:
        """Return everything that was said so far, oldest first."""
        while True:
            try:
                self._said.append(self._socket.recv(65_536).decode())
            except BlockingIOError:
                return self._said

    def status(self) -> str:
        """Return what `systemctl status` would show now."""
        return next((word.removeprefix("STATUS=") for word in reversed(self.said()) if word.startswith("STATUS=")), "")

    def is_ready(self) -> bool:
        """Say whether the start is over."""
        return "READY=1" in self.said()

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


@contextmanager
def a_manager(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """Let every daemon of a block speak to a manager."""
    manager = Manager(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    try:
        yield manager
    finally:
        monkeypatch.delenv("NOTIFY_SOCKET")
        manager.close()
