"""The parts that take mail in from a mailbox: a thread each, which looks whether mail has come."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import structlog

from credwatch.casework.returned_mail import TooEarly
from credwatch.inbox.interface import IncomingMailbox, MailboxLost
from credwatch.inbox.mail import Mail
from credwatch.inbox.reading import read_mail
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.service.parts.interface import Pulse, Trouble

log = structlog.get_logger(__name__)

_LONGEST_PAUSE = 300.0
"""So long a mailbox that cannot be had is left alone at most."""
_BEAT_SECONDS = 5.0
_APART_SECONDS = 300.0
"""A mail that cannot be taken in is tried again after so long, and holds up no other meanwhile."""
_EARLY_SECONDS = 2.0


class Postbox:
    """Takes in what waits in a mailbox, mail by mail: committed first, done then, so that none is lost or doubled."""

    def __init__(
        self,
        mailbox: IncomingMailbox,
        server: str,
        longest: int,
        take: Callable[[Mail], MailOutcome],
        on_taken: Callable[[MailOutcome], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`server` is the name under which our own mail server says who is proven; `take` commits a mail."""
        self._mailbox = mailbox
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
        for name in self._mailbox.waiting(self._apart):
            beat()
            try:
                mail = read_mail(self._mailbox.read(name), self._server, self._longest)
                outcome = self._take(mail)
                beat()
                self._mailbox.done(name)
            except TooEarly:
                self._apart[name] = now + _EARLY_SECONDS
            except MailboxLost:
                raise
            except Exception as error:  # noqa: BLE001  # a mail that we cannot take in must hold up no other
                self._apart[name] = now + _APART_SECONDS
                reason = str(error) if isinstance(error, CredwatchError) else type(error).__name__
                log.error("inbox.mail_failed", mail=name, error=reason, hint="it is tried again")
            else:
                log.info("inbox.mail", outcome=outcome.value, digest=mail.digest)
                self._on_taken(outcome)
                taken += 1
        return taken

    def close(self) -> None:
        """Give back what the mailbox holds open."""
        self._mailbox.close()


class InboxPart:
    """Looks now and then whether mail has come; a mailbox that cannot be had is tried again with growing pauses."""

    is_vital = False

    def __init__(self, name: str, postbox: Postbox, pulse: Pulse, look_seconds: float) -> None:
        """Take what it turns, how often, and where it says that it does."""
        self.name = name
        self._postbox = postbox
        self._pulse = pulse
        self._look_seconds = look_seconds
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem = ""

    async def start(self) -> None:
        """Begin to look, and wait for no server."""
        self._stop, self._problem = threading.Event(), ""
        self._pulse.beat()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name=self.name, daemon=True)
        self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        failures = 0
        while not stop.is_set():
            self._pulse.beat()
            try:
                while self._postbox.turn(self._pulse.beat) and not stop.is_set():
                    pass
            except CredwatchError as error:
                self._problem, failures = str(error), failures + 1
                least = error.least_pause if isinstance(error, MailboxLost) else MailboxLost.least_pause
                pause = min(_LONGEST_PAUSE, least * 2 ** min(failures - 1, 10))
            else:
                self._problem, failures, pause = "", 0, self._look_seconds
            self._rest(stop, pause)
        self._postbox.close()

    def _rest(self, stop: threading.Event, seconds: float) -> None:
        """Wait, and say meanwhile that this is meant."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not stop.wait(min(left, _BEAT_SECONDS)):
            self._pulse.beat()

    def trouble(self) -> Trouble | None:
        """See whether it still looks, and whether there is anything to see."""
        if self._thread is None or not self._thread.is_alive():
            return Trouble("its thread has ended")
        return Trouble(self._problem, comes_back=True) if self._problem else self._pulse.trouble()

    async def stop(self) -> None:
        """Wait for the mail under way."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.join)
