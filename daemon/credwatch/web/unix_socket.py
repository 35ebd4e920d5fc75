"""Serves an application on a Unix socket inside the daemon's own event loop."""

from __future__ import annotations

import asyncio
import grp
import os
import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path

from starlette.applications import Starlette

from credwatch.kernel.errors import ConfigurationError
from credwatch.web.bounded_http import Bounds, bounded
from credwatch.web.inner_server import InnerServer, server_config

_BACKLOG = 64
_MODE = 0o660
_LOOK_SECONDS = 1.0


async def serve_gate(
    app: Starlette,
    socket_path: Path,
    *,
    stop: asyncio.Event,
    group: str = "",
    started: asyncio.Event | None = None,
    bounds: Bounds | None = None,
) -> None:
    """Serve until `stop` is set or the task is cancelled; then answer what was asked and remove the socket.

    The socket has mode 0660 before anybody can connect; `group` names its group (empty keeps the process's own).
    A socket file left by a dead daemon is replaced; where a living one answers, or the path cannot be used,
    ConfigurationError is raised; so it is, once the last answers are given, where somebody removes or replaces the
    file, for then nobody can connect any more. `started` is set as soon as clients can connect. Signals stay with
    the daemon.
    """
    listener, ours = listening_on(socket_path, group)
    bounds = bounds or Bounds()
    config = server_config(app, bounded(bounds), head_bytes=bounds.head_bytes, keep_alive=5, grace=5, backlog=_BACKLOG)
    server = InnerServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping, missing = asyncio.create_task(stop.wait()), asyncio.create_task(gone(socket_path, ours))
    if started is not None:
        started.set()
    try:
        await asyncio.wait({serving, stopping, missing}, return_when=asyncio.FIRST_COMPLETED)
        if missing.done():
            raise _unusable(socket_path, "the socket was removed or replaced", "find out what tidies that folder")
    finally:
        stopping.cancel()
        missing.cancel()
        server.should_exit = True
        try:
            await serving
        finally:
            listener.close()
            remove(socket_path, ours)


async def gone(path: Path, ours: int) -> None:
    """Return once the file is no longer the socket with this inode."""
    while is_there(path, ours):  # noqa: ASYNC110  # the file system sets no event
        await asyncio.sleep(_LOOK_SECONDS)


def is_there(path: Path, ours: int) -> bool:
    """Say whether the file is still the socket with this inode, so that clients reach it."""
    return _inode(path) == ours


def _inode(path: Path) -> int:
    """Return the inode of a file, 0 where there is none."""
    try:
        return path.lstat().st_ino
    except OSError:
        return 0


def listening_on(path: Path, group: str, what: str = "gate") -> tuple[socket.socket, int]:
    """Return the listening socket and the inode of its file; raises ConfigurationError about the table `what`."""
    _make_room(path, what)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        # Nobody can connect between bind and listen, so the mode is right before the first client.
        path.chmod(_MODE)
        if group:
            os.chown(path, -1, grp.getgrnam(group).gr_gid)
        listener.listen(_BACKLOG)
        return listener, path.lstat().st_ino
    except KeyError as error:
        listener.close()
        path.unlink()
        hint = f"name an existing group in {what}.socket_group"
        raise _unusable(path, f"there is no group {group!r}", hint, what) from error
    except OSError as error:
        listener.close()
        raise _unusable(path, str(error), _WRITABLE, what) from error


_WRITABLE = "check that the folder exists and the daemon may write there"


def _make_room(path: Path, what: str) -> None:
    refuse_what_is_in_the_way(path, what=what)
    with suppress(FileNotFoundError):
        path.unlink()


def refuse_what_is_in_the_way(path: Path, *, own: int = 0, what: str = "gate") -> None:
    """Raise ConfigurationError where the socket cannot be made at this path; nothing is changed.

    A socket that nobody listens on is not in the way, nor is one on which the process `own` does.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unusable(path, str(error), _WRITABLE, what) from error
    if not stat.S_ISSOCK(mode):
        lies = "a folder is" if stat.S_ISDIR(mode) else "a file that is no socket is"
        raise _unusable(path, f"{lies} in the way", f"move it away or choose another path ({what}.socket)", what)
    if (listener := _listener(path)) is not None and (not own or listener != own):
        whom = f"process {listener}" if listener else "it cannot be told which"
        hint = f"stop it or choose another path ({what}.socket)"
        raise _unusable(path, f"another program listens on this socket: {whom}", hint, what)


def _listener(path: Path) -> int | None:
    """Return the process that listens on a socket, 0 where it cannot be told, None where nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
            peer = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except ConnectionRefusedError:
            return None
        except OSError:
            return 0
    process: int = struct.unpack("3i", peer)[0]
    return process


def remove(path: Path, ours: int) -> None:
    """Remove the socket with this inode, and no file that came in its place."""
    with suppress(FileNotFoundError):
        if path.lstat().st_ino == ours:
            path.unlink()


def _unusable(path: Path, message: str, hint: str, what: str = "gate") -> ConfigurationError:
    return ConfigurationError(f"the {what} cannot listen: {message}", where=str(path), hint=hint)
