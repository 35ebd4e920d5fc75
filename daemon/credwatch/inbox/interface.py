"""What every mailbox promises that mail is read from, wherever it lies."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from credwatch.kernel.errors import CredwatchError

AT_ONCE = 100
"""So many mails are named at once, at most."""


class MailboxLost(CredwatchError):
    """No mail can be had from a mailbox now: it is gone, or its server does not serve us."""

    least_pause = 2.0
    """So many seconds it is left alone, at least."""


class LoginRefused(MailboxLost):
    """The server does not let us in; who asks often is locked out."""

    least_pause = 60.0


class IncomingMailbox(Protocol):
    """Holds mails, each of which waits until it is done. Use it from one thread.

    What follows from a mail is committed first, and the mail is done then. After a crash in between it waits again, and
    is known by its digest. Nothing is ever deleted.
    """

    def waiting(self, apart: Collection[str] = ()) -> list[str]:
        """Name some of the mails that wait, the oldest first, without some; raises MailboxLost."""
        ...

    def read(self, name: str) -> bytes:
        """Read a mail, of one that is too long a byte more than may be read.

        Raises MailboxLost where none can be read, and any other CredwatchError where this one cannot.
        """
        ...

    def done(self, name: str) -> None:
        """Name a mail no more; also where somebody else took it away. Raises as `read` does."""
        ...

    def close(self) -> None:
        """Give back what is held open; never raises, and it may be used again."""
        ...
