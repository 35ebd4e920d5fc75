"""The part that takes mail in: a thread that looks into the maildir."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import structlog

from credwatch.casework.returned_mail import TooEarly
from credwatch.inbox.mail import Mail
from credwatch.inbox.maildir import Maildir
from credwatch.inbox.reading import read_mail
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.service.parts.interface import Pulse, Trouble

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 2.0
_APART_SECONDS = 300.0
"""A mail that cannot be taken in is tried again after so long, and holds up no other meanwhile."""
_EARLY_SECONDS = 2.0


class Postbox:
    """Takes in what waits in a maildir, mail by mail: committed first, moved then, so that none is lost or doubled."""

    def __init__(
        self,
        maildir: Maildir,
        server: str,
        longest: int,
        take: Callable[[Mail], MailOutcome],
        on_taken: Callable[[MailOutcome], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`server` is the name under which our own mail server says who is proven; `take` commits a mail."""
        self._maildir = maildir
        self._server = server
        self._longest = longest
        self._take = take
        self._on_taken = on_taken
        self._clock = clock
        self._apart: dict[str, float] = {}

    def turn(self, beat: Callable[[], None] = lambda: None) -> int:
        """Take in what waits now, and return how many mails that were; raises CredwatchError where none can be had."""
        now = self._clock()
        self._apart = {name: until for name, until in self._apart.items() if until > now}
        taken = 0
        for path in self._maildir.waiting(self._apart):
            beat()
            try:
                mail = read_mail(self._maildir.read(path), self._server, self._longest)
                outcome = self._take(mail)
                self._maildir.done(path)
            except TooEarly:
                self._apart[path.name] = now + _EARLY_SECONDS
            except Exception as error:  # noqa: BLE001  # a mail that we cannot take in must hold up no other
                self._apart[path.name] = now + _APART_SECONDS
                reason = str(error) if isinstance(error, CredwatchError) else type(error).__name__
                log.error("inbox.mail_failed", file=path.name, error=reason, hint="it is tried again")
            else:
                log.info("inbox.mail", outcome=outcome.value, digest=mail.digest)
                self._on_taken(outcome)
                taken += 1
        return taken


class InboxPart:
    """Looks every two seconds whether mail has come; what cannot be read now is read later."""

    name = "inbox"
    is_vital = False

    def __init__(self, postbox: Postbox, pulse: Pulse) -> None:
        """Take what it turns, and where it says that it does."""
        self._postbox = postbox
        self._pulse = pulse
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem = ""

    async def start(self) -> None:
        """Begin to look; raises CredwatchError where the maildir cannot be used."""
        self._stop, self._problem = threading.Event(), ""
        self._pulse.beat()
        await asyncio.to_thread(self._postbox.turn, self._pulse.beat)
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="inbox", daemon=True)
        self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(_LOOK_SECONDS):
            self._pulse.beat()
            try:
                while self._postbox.turn(self._pulse.beat) and not stop.is_set():
                    pass
            except CredwatchError as error:
                self._problem = str(error)
                return

    def trouble(self) -> Trouble | None:
        """See whether it still looks."""
        if self._thread is None or not self._thread.is_alive():
            return Trouble(self._problem or "its thread has ended")
        return self._pulse.trouble()

    async def stop(self) -> None:
        """Wait for the mail under way."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.join)
