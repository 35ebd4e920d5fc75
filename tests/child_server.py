"""Servers that tests run as children, each in a folder of its own, and the ports they listen on."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path

PATIENCE = 60.0


def free_ports(count: int) -> list[int]:
    """Find ports of loopback that nobody uses now, and that differ."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]


def a_free_port() -> int:
    """Pick a port of loopback that nobody uses now."""
    (port,) = free_ports(1)
    return port


class ChildServer(ABC):
    """One server; it may be ended in an unfriendly way and started again."""

    usual_end = signal.SIGKILL

    def __init__(self, folder: Path, user: str | None = None) -> None:
        """Take its folder, and the user that it runs as where it is another."""
        self._folder = folder
        self._as_user = user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self._as_user, cwd="/"
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.02)

    def send(self, how: signal.Signals) -> None:
        """Send the server a signal."""
        assert self._process is not None
        self._process.send_signal(how)

    def end(self, how: signal.Signals | None = None) -> None:
        """End the server, by a signal."""
        if self._process is not None:
            self._process.send_signal(how or self.usual_end)
            self._process.wait(PATIENCE)
            self._process = None

    @abstractmethod
    def _command(self) -> list[str]:
        """Say how it is started."""

    @abstractmethod
    def _answers(self) -> bool:
        """Say whether it answers."""
