"""One daemon to a state directory: a lock that ends with the process, and says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from credwatch.kernel.errors import ConfigurationError

NAME = "daemon.lock"
_TRIES, _PAUSE_SECONDS = 20, 0.05
"""Who only asks whether the lock is held has it for an instant."""


class Holder(Struct, frozen=True):
    """The daemon that uses a state directory."""

    process: int
    """Its process; 0 where the file does not say."""
    host: str = ""
    """The machine it runs on."""
    since: str = ""
    """When it started, RFC 3339."""

    def __str__(self) -> str:
        if not self.process:
            return "another daemon"
        return f"process {self.process} on {self.host} since {self.since}"


class StateLock:
    """Holds the state directory until `release`, or until the process ends in whatever way (flock(2)).

    A file that an earlier daemon left is no obstacle: what counts is the lock, not the file.
    """

    def __init__(self, folder: Path, now: datetime) -> None:
        """Take the lock; raises ConfigurationError that names the holder where another daemon has it."""
        self._path = folder / NAME
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(self._path, f"cannot be locked: {error.strerror}", "give the folder to its user") from error
        if not _taken(self._file):
            holder = _holder(self._file)
            os.close(self._file)
            raise _unusable(
                folder,
                f"the state directory is in use by {holder}",
                "stop that daemon, or give this one a daemon.state_directory of its own",
            )
        self._sign(now)

    def release(self) -> None:
        """Let the next daemon have it."""
        os.close(self._file)

    def _sign(self, now: datetime) -> None:
        """Say who holds it; where the disk is full the lock holds all the same."""
        text = json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": now.isoformat()})
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text.encode() + b"\n", 0)
        except OSError:
            return


def holder_of(folder: Path) -> Holder | None:
    """Return who uses a state directory now, None where nobody does or it cannot be told."""
    try:
        file = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _holder(file)
    finally:
        os.close(file)
    return None


def _taken(file: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def _holder(file: int) -> Holder:
    try:
        holder = json.loads(os.pread(file, 1000, 0))
        return Holder(int(holder["process"]), str(holder["host"]), str(holder["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(0)


def _unusable(path: Path, message: str, hint: str) -> ConfigurationError:
    return ConfigurationError(message, where=str(path), hint=hint)
