"""Finds what would keep the gate and the metrics from listening, without listening."""

from __future__ import annotations

import grp
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from credwatch.app.lock import Holder, holder_of
from credwatch.app.settings import Settings
from credwatch.kernel.errors import ConfigurationError, Problem, Severity
from credwatch.web.unix_socket import refuse_what_is_in_the_way

_MADE_BY_THE_UNIT = Path("/run/credwatch")
_LONGEST_PATH = 107
"""Bytes of a socket's path, unix(7)."""


def listening_problems(settings: Settings) -> Iterator[Problem]:
    """Yield what is in the way; what the daemon of this very state directory listens on is not."""
    running = holder_of(settings.daemon.state_directory)
    if settings.gate.enabled:
        yield from _gate(settings, running)
    if settings.metrics.enabled and running is None:
        yield from _metrics(settings)


def _gate(settings: Settings, running: Holder | None) -> Iterator[Problem]:
    path, group = settings.gate.socket, settings.gate.socket_group
    if len(os.fsencode(path)) > _LONGEST_PATH:
        yield _fault(str(path), f"a socket's path has at most {_LONGEST_PATH} bytes", "choose a shorter gate.socket")
        return
    if path.parent != _MADE_BY_THE_UNIT or path.parent.exists():
        yield from _folder(path.parent)
    if group and not _exists(group):
        yield _fault("gate.socket_group", f"there is no group {group!r}", "name an existing group")
    try:
        refuse_what_is_in_the_way(path, own=running.process if running else 0)
    except ConfigurationError as error:
        yield Problem.of(error, Severity.FAULT)


def _folder(folder: Path) -> Iterator[Problem]:
    if not folder.is_dir():
        yield _fault(f"gate.socket: {folder}", "the folder does not exist", "create it for the daemon's user")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield _fault(f"gate.socket: {folder}", "the daemon may not write there", "give it to its user")


def _exists(group: str) -> bool:
    try:
        grp.getgrnam(group)
    except KeyError:
        return False
    return True


def _metrics(settings: Settings) -> Iterator[Problem]:
    """Take the port for an instant; two checks at once are not in each other's way, for neither listens."""
    options = settings.metrics
    try:
        family, _, _, _, address = socket.getaddrinfo(options.address, options.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        yield _fault(
            "metrics",
            f"cannot listen on {options.address}:{options.port}: {error.strerror or error}",
            "another program may use the port; choose another one, or 0 for any that is free",
        )


def _fault(where: str, message: str, hint: str) -> Problem:
    return Problem(where, message, hint, Severity.FAULT)
