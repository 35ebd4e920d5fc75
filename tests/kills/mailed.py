"""Ways that mail comes in, for the harness that kills the daemon: each takes mails as a mail server would."""

from __future__ import annotations

import imaplib
import random
import smtplib
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from dovecot_server import DOVECOT, USER, DovecotServer


class MailWay(Protocol):
    """Brings mails to the daemon; called by one thread, while daemons come and go."""

    def settings(self) -> str:
        """Give the tables of the settings."""

    def deliver(self, mail: bytes) -> None:
        """Bring a mail; returns once a patient mail server would forget it."""

    def disturb(self, chance: random.Random) -> None:
        """Do to it what happens to its like."""

    def waiting(self) -> int:
        """Count the mails that nobody has taken in."""

    def close(self) -> None:
        """Give back what was started."""


class MaildirWay:
    """A mail server that delivers to a maildir."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "mail"
        for name in ("new", "cur", "tmp"):
            (self._folder / name).mkdir(parents=True)
        self._count = 0

    def settings(self) -> str:
        return f'maildir = "{self._folder}"\n'

    def deliver(self, mail: bytes) -> None:
        self._count += 1
        unfinished = self._folder / "tmp" / f"{self._count:04}.mail"
        unfinished.write_bytes(mail)
        unfinished.rename(self._folder / "new" / unfinished.name)

    def disturb(self, chance: random.Random) -> None:
        """Need nothing of it."""

    def waiting(self) -> int:
        return sum(1 for _ in (self._folder / "new").iterdir())

    def close(self) -> None:
        """Hold nothing."""


class ImapWay:
    """A real Dovecot, which is killed now and then like the daemon."""

    def __init__(self, _folder: Path) -> None:
        self._folder = TemporaryDirectory(prefix="credwatch-dovecot-")  # its own user must reach into it
        Path(self._folder.name).chmod(0o755)
        self._server = DovecotServer(Path(self._folder.name) / "server")
        self._server.start()

    def settings(self) -> str:
        server = self._server
        return (
            f'[inbox.imap]\nhost = "localhost"\nport = {server.tls_port}\nca_file = "{server.authority.file}"\n'
            f'username = "{USER}"\npassword_file = "{server.password_file}"\npoll_seconds = 1\n'
        )

    def deliver(self, mail: bytes) -> None:
        end = time.monotonic() + 120
        while True:
            try:
                self._server.deliver([mail])
                return
            except (OSError, imaplib.IMAP4.error):  # one that was killed is not all there at once
                assert time.monotonic() < end, "the server takes no mail"
                time.sleep(0.1)

    def disturb(self, chance: random.Random) -> None:
        self._server.stop()
        time.sleep(chance.random())
        self._server.start()

    def waiting(self) -> int:
        try:
            return sum("CredwatchTaken" not in flags for flags in self._server.flags())
        except (OSError, imaplib.IMAP4.error):
            return 1

    def close(self) -> None:
        self._server.stop()
        self._folder.cleanup()


class LmtpWay:
    """A mail server that hands mails over, and keeps each until it was answered with 250."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "lmtp.sock"

    def settings(self) -> str:
        return f'[inbox.lmtp]\nsocket = "{self._socket}"\n'

    def deliver(self, mail: bytes) -> None:
        recipient = next(line for line in mail.splitlines() if line.startswith(b"To: ")).decode().partition(": ")[2]
        end = time.monotonic() + 300
        while True:
            try:
                with smtplib.LMTP(str(self._socket), timeout=60) as client:
                    client.sendmail("sender@elsewhere.example", [recipient], mail)
                    return
            except (OSError, smtplib.SMTPException):
                assert time.monotonic() < end, "nobody takes the mail"
                time.sleep(0.1)

    def disturb(self, chance: random.Random) -> None:
        """Need nothing of it."""

    def waiting(self) -> int:
        return 0

    def close(self) -> None:
        """Hold nothing."""


WAYS: dict[str, Callable[[Path], MailWay]] = {"maildir": MaildirWay, "imap": ImapWay, "lmtp": LmtpWay}
"""By the key of `[inbox]`."""


def missing(way: str) -> str:
    """Say which package a way lacks on this machine."""
    return "needs the Debian package dovecot-imapd" if way == "imap" and DOVECOT is None else ""
