"""The demonstration's world: a folder, a mail server on loopback, and real daemons as processes of their own."""

from __future__ import annotations

import fcntl
import mailbox as maildir
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from credwatch.demo.application import Application
from credwatch.kernel.errors import ConfigurationError, CredwatchError
from credwatch.kernel.resources import shipped

ROLES = ("provider", "customer")
SECURITY_MAILBOX = "security@modoro.example"
"""Where customers write to."""
_MARKER = ".credwatch-demo"
_READY_SECONDS = 150
_STOP_SECONDS = 30


class Mailbox:
    """The mail server: takes every message, and keeps it where a person can look at it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.taken: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # aiosmtpd's name
        """Keep a message as .eml, .txt and .html, and accept it."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        number = len(self.taken)
        stem = f"{number:02}-{envelope.rcpt_tos[0].split('@')[0]}-{message['X-Credwatch-Incident'] or 'letter'}"
        (self._folder / f"{stem}.eml").write_bytes(envelope.content)
        for kind, suffix in (("plain", "txt"), ("html", "html")):
            part = message.get_body((kind,))
            if part is not None:
                (self._folder / f"{stem}.{suffix}").write_text(part.get_content(), encoding="utf-8")
        return f"250 2.0.0 accepted as {stem}"


class Daemon(Struct):
    """One running daemon."""

    role: str
    """provider or customer."""
    config: Path
    """Its settings file."""
    metrics_port: int
    """Where its metrics are."""
    process: subprocess.Popen[bytes] | None = None
    """The process, once started."""


class World:
    """Everything the demonstration runs on; use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notices = folder / "notices"
        self.mailbox = Mailbox(self.notices)
        self.daemons = [Daemon(role, folder / role / "credwatch.toml", _free_port()) for role in ROLES]
        self.pages = f"http://localhost:{_free_port()}"
        """Where the vendor's customers see their pages."""
        self.security_mail = folder / "provider" / "mail"
        """The maildir of the vendor's security mailbox."""
        self._secret = secrets.token_urlsafe(32)
        self.application = Application(self._secret)
        """The vendor's application, which is told what to do about a takeover."""
        self._server: Any = None
        self._claim: IO[str] | None = None

    def __enter__(self) -> World:
        """Make the folder anew, start mail server, application and daemons, and wait until they are ready."""
        self._claim = _claimed(self.folder)
        self.notices.mkdir()
        try:
            self._server = _mail_server(self.mailbox)
            self._server.start()
            self.application.start()
            for daemon in self.daemons:
                self._furnish(daemon)
                self._start(daemon)
            for daemon in self.daemons:
                self._await_ready(daemon)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the daemons in order, then the mail server and the application, and let the folder go."""
        running = [daemon.process for daemon in self.daemons if daemon.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._server is not None:
            self._server.stop()
            self.application.stop()
        if self._claim is not None:
            self._claim.close()

    def write(self, file: str, line: str) -> None:
        """Append a line to a log file, as the program that logs would."""
        with (self.folder / file).open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def letters_to(self, address: str) -> list[str]:
        """Return the texts of the letters that a mailbox has got so far, the oldest first."""
        theirs = [letter for letter in self.mailbox.taken if address in str(letter["To"])]
        parts = (letter.get_body(("plain",)) for letter in theirs)
        return [part.get_content() for part in parts if part is not None]

    def log_of(self, daemon: Daemon) -> Path:
        """Return the file that a daemon's own log goes to."""
        return self.folder / daemon.role / "daemon.log"

    def _furnish(self, daemon: Daemon) -> None:
        """Fill in a daemon's settings and registers from the shipped ones."""
        home = daemon.config.parent
        for folder in ("logs", "state"):
            (home / folder).mkdir(parents=True)
        if daemon.role == "provider":
            maildir.Maildir(self.security_mail)
        for name in ("auth.log", "application.jsonl"):
            (home / "logs" / name).touch()
        credentials = home / "credentials"
        credentials.mkdir(mode=0o700)
        _keep(credentials / "totp-key", b64encode(secrets.token_bytes(32)).decode())
        _keep(credentials / "application-secret", self._secret)
        now = datetime.now(UTC).replace(microsecond=0)
        values = {
            "@FOLDER@": str(home),
            "@SMTP_PORT@": str(self._server.port),
            "@METRICS_PORT@": str(daemon.metrics_port),
            "@APPLICATION_PORT@": str(self.application.port),
            "@PORTAL_PORT@": self.pages.rpartition(":")[2],
            "@YESTERDAY@": (now - timedelta(days=1)).isoformat(),
            "@TOMORROW@": (now + timedelta(days=1)).isoformat(),
        }
        for template in (shipped("config") / "demo" / daemon.role).glob("*.toml"):
            text = template.read_text(encoding="utf-8")
            for mark, value in values.items():
                text = text.replace(mark, value)
            (home / template.name).write_text(text, encoding="utf-8")

    def _start(self, daemon: Daemon) -> None:
        with self.log_of(daemon).open("wb") as log:
            daemon.process = subprocess.Popen(  # noqa: S603  # our own program, by its full path
                [sys.executable, "-m", "credwatch", "run", "--config", str(daemon.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"CREDENTIALS_DIRECTORY": str(daemon.config.parent / "credentials")},
            )

    def _await_ready(self, daemon: Daemon) -> None:
        assert daemon.process is not None
        deadline = time.monotonic() + _READY_SECONDS
        while "daemon.ready" not in self.log_of(daemon).read_text(encoding="utf-8", errors="replace"):
            if daemon.process.poll() is not None or time.monotonic() > deadline:
                raise CredwatchError(
                    f"the {daemon.role}'s daemon did not start", where=str(self.log_of(daemon)), hint="see that file"
                )
            time.sleep(0.1)


def _keep(file: Path, secret: str) -> None:
    file.touch(0o600)
    file.write_text(secret, encoding="ascii")


def _mail_server(mailbox: Mailbox) -> Any:
    try:
        from aiosmtpd.controller import Controller
    except ImportError as error:
        raise ConfigurationError(
            "the demonstration needs a mail server of its own",
            where="aiosmtpd",
            hint="install it: pip install 'credwatch[demo]'",
        ) from error
    return Controller(mailbox, hostname="127.0.0.1", port=_free_port())


def _claimed(folder: Path) -> IO[str]:
    """Empty the folder of an earlier demonstration, and hold it until the file returned is closed.

    Raises ConfigurationError where the folder holds anything else, or another demonstration plays in it.
    """
    hint = "name another folder with --folder"
    marker = folder / _MARKER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not marker.exists():
            raise ConfigurationError("is not empty and no demonstration's", where=str(folder), hint=hint)
        claim = marker.open("a")
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
    except BlockingIOError as error:
        raise ConfigurationError("another demonstration plays here", where=str(folder), hint=hint) from error
    except OSError as error:
        raise ConfigurationError(f"cannot be used: {error.strerror}", where=str(folder), hint=hint) from error
    return claim


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
