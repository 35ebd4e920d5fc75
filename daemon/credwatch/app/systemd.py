"""What systemd is told, and what it hands over: readiness, the watchdog, credentials."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from credwatch.kernel.secret import Secret

_MICROSECONDS = 1_000_000


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell systemd a state such as READY=1 (sd_notify(3)); return whether anybody was told.

    Nothing is raised where nobody listens: the daemon also runs without systemd.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    target = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(state.encode(), target)
    except OSError:
        return False
    return True


def watchdog_seconds(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return within how many seconds systemd expects a sign of life; None where it expects none."""
    text, owner = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not text.isdigit() or int(text) == 0 or (owner and owner != str(os.getpid())):
        return None
    return int(text) / _MICROSECONDS


def credential(name: str, environ: Mapping[str, str] = os.environ) -> Secret | None:
    """Return a credential that systemd handed over (systemd.exec(5), LoadCredential=); None where it did not."""
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        return None
    try:
        return Secret((Path(folder) / name).read_text(encoding="utf-8").strip())
    except OSError:
        return None
