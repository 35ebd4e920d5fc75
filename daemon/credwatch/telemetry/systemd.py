"""Speaks with systemd: readiness and watchdog. Without systemd, each of them quietly does nothing."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

_MORE_SECONDS = 60


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send a state such as READY=1 to the service manager (sd_notify(3)); return whether it went out.

    $NOTIFY_SOCKET is a path, or a name in the abstract name space, which `@` begins. Nothing is raised: a daemon
    must not die of a manager that does not listen.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    target = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
            speaker.settimeout(2)
            speaker.sendto(state.encode(), target)
    except OSError:
        return False
    return True


class SaidState:
    """What the service manager was told of the daemon, so that it hears of each change, and once.

    While something does not listen yet the start is not over: its time is extended as long as the rest lives.
    """

    def __init__(self, say: Callable[[str], object] = notify, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_ready = False
        self._say = say
        self._clock = clock
        self._pause = min(watchdog_seconds() or 20.0, 20.0) / 2
        self._status = ""
        self._alive_at = -self._pause

    def ready(self) -> None:
        """Say that everything listens and runs."""
        self.is_ready = True
        self._say("READY=1")

    def told(self, troubles: Mapping[str, str]) -> None:
        """Say what `systemctl status` shows: what is wrong, by the name of the part."""
        text = "; ".join(f"{name}: {reason}" for name, reason in troubles.items())
        status = f"not well: {text}" if text else "every part lives"
        if status != self._status:
            self._status = status
            self._say("STATUS=" + " ".join(status.split()))

    def alive(self) -> None:
        """Answer the watchdog, not more often than it asks; before the start is over, ask for more time."""
        if self._clock() - self._alive_at < self._pause:
            return
        self._alive_at = self._clock()
        self._say("WATCHDOG=1" if self.is_ready else f"EXTEND_TIMEOUT_USEC={_MORE_SECONDS * 1_000_000}")

    def reloading(self) -> None:
        """Say that a reload begins."""
        if self.is_ready:
            self._say("RELOADING=1")

    def reloaded(self) -> None:
        """Say that it has ended."""
        if self.is_ready:
            self._say("READY=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._say("STOPPING=1")


def watchdog_seconds(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return within how many seconds WATCHDOG=1 must come, None where no watchdog runs (sd_watchdog_enabled(3))."""
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", "0"))
        process = int(environ.get("WATCHDOG_PID", os.getpid()))
    except ValueError:
        return None
    return microseconds / 1_000_000 if microseconds > 0 and process == os.getpid() else None
