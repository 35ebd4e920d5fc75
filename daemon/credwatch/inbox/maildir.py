"""A maildir that a mail server delivers to: what waits in it, and where it goes once it is taken in.

The format (cr.yp.to/proto/maildir.html) has no locks: a file in `new/` is whole, and a rename to `cur/` is done or not.
A mail is taken in first and moved then. A crash in between leaves it in `new/`, and it is known by its digest.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path

import structlog

from credwatch.inbox.interface import AT_ONCE, MailboxLost
from credwatch.kernel.errors import CredwatchError

log = structlog.get_logger(__name__)

_SEEN = ":2,S"


class Maildir:
    """One maildir; keeps the contract of `IncomingMailbox`. A mail's name is that of its file."""

    def __init__(self, folder: Path, longest: int) -> None:
        """Take a folder with `new` and `cur`, and how many bytes of a mail are read at most."""
        self._folder = folder
        self._longest = longest

    def waiting(self, apart: Collection[str] = ()) -> list[str]:
        """Name some of the mails that wait, those delivered first come first; raises MailboxLost."""
        try:
            with os.scandir(self._folder / "new") as entries:
                mails = (entry for entry in entries if entry.name[0] != "." and entry.name not in apart)
                names = [(_delivered(entry), entry.name) for entry in mails]
        except OSError as error:
            raise _problem(MailboxLost, self._folder / "new", error) from error
        return [name for _, name in sorted(names)[:AT_ONCE]]

    def read(self, name: str) -> bytes:
        """Read a mail; only a plain file is opened. Raises CredwatchError where it cannot be read."""
        path = self._folder / "new" / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise CredwatchError("is no file", where=str(path), hint="take it out of the maildir")
                return file.read(self._longest + 1)
        except OSError as error:
            raise _problem(CredwatchError, path, error) from error

    def done(self, name: str) -> None:
        """Move a mail that was taken in to `cur`; raises CredwatchError."""
        path = self._folder / "new" / name
        try:
            path.rename(self._folder / "cur" / f"{name.partition(':')[0]}{_SEEN}")
        except FileNotFoundError:
            log.info("inbox.moved_by_another", mail=name)
        except OSError as error:
            raise _problem(CredwatchError, path, error) from error

    def close(self) -> None:
        """Hold nothing open."""


def _problem(kind: type[CredwatchError], path: Path, error: OSError) -> CredwatchError:
    hint = "the daemon's user must be able to read and move what the mail server delivers (docs/mail.md)"
    return kind(f"cannot be used: {error.strerror}", where=str(path), hint=hint)


def _delivered(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except OSError:
        return 0.0
