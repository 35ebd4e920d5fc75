"""The part that takes mails which a mail server hands over, on a Unix socket or a loopback port."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog

from credwatch.casework.returned_mail import TooEarly
from credwatch.inbox.lmtp import LmtpServer
from credwatch.inbox.mail import Mail, MailKind
from credwatch.inbox.options import InboxOptions, LmtpOptions
from credwatch.inbox.reading import read_mail
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.service.parts.interface import Trouble
from credwatch.web.tcp_port import listening_at
from credwatch.web.unix_socket import is_there, listening_on, remove

log = structlog.get_logger(__name__)

_TABLE = "inbox.lmtp"
_EARLY_SECONDS = 5.0
"""So long a report waits for the attempt that it speaks of: the mail server's own next try is minutes away."""
_END_SECONDS = 30.0
_THREADS = 2
_LATER = "451 4.3.0 try again later"


class HandedOver:
    """Takes in one mail after the other as they are handed over, and says what to answer."""

    def __init__(
        self, options: InboxOptions, take: Callable[[Mail], MailOutcome], on_taken: Callable[[MailOutcome], None]
    ) -> None:
        """`take` commits a mail, from any thread."""
        self._options = options
        self._take = take
        self._on_taken = on_taken
        # Of their own: while the store is locked, mails that wait for it must not keep other parts from their threads.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="lmtp")

    async def deliver(self, raw: bytes) -> str:
        """Take a mail in, and return the reply."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.answer, raw)

    def answer(self, raw: bytes) -> str:
        """Take a mail in: 250 once it is committed. What cannot be read is refused, for nobody would keep it."""
        mail = read_mail(raw, self._options.authserv_id, self._options.message_bytes)
        if mail.kind is MailKind.UNREADABLE:
            log.warning("inbox.refused", digest=mail.digest, error=mail.reason)
            return f"554 5.6.0 {mail.reason}"
        try:
            outcome = self._taken(mail)
        except Exception as error:  # noqa: BLE001  # the mail server keeps it, whatever kept us from taking it
            reason = str(error) if isinstance(error, CredwatchError) else type(error).__name__
            log.error("inbox.mail_failed", mail=mail.digest, error=reason, hint="the mail server tries again")
            return _LATER
        log.info("inbox.mail", outcome=outcome.value, digest=mail.digest)
        self._on_taken(outcome)
        return f"250 2.0.0 {outcome.value}"

    def _taken(self, mail: Mail) -> MailOutcome:
        until = time.monotonic() + _EARLY_SECONDS
        while True:
            try:
                return self._take(mail)
            except TooEarly:
                if time.monotonic() >= until:
                    raise
            time.sleep(0.2)


class LmtpPart:
    """Listens for a mail server; where it cannot, the daemon does without it and tries again."""

    name = "inbox_lmtp"
    is_vital = False

    def __init__(self, options: LmtpOptions, longest: int, handed_over: HandedOver) -> None:
        """Take where to listen, and who takes the mails in."""
        self._options = options
        self._longest = longest
        self._handed_over = handed_over
        self._sessions: LmtpServer | None = None
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def start(self) -> None:
        """Listen; raises ConfigurationError where it cannot."""
        listener = await asyncio.to_thread(self._listening)
        listener.setblocking(False)
        name = await asyncio.to_thread(socket.getfqdn)
        self._sessions = LmtpServer(self._handed_over.deliver, self._options, self._longest, name)
        loop, make = asyncio.get_running_loop(), self._sessions.session
        is_unix = self._options.socket is not None
        self._server = await (
            loop.create_unix_server(make, sock=listener) if is_unix else loop.create_server(make, sock=listener)
        )

    def _listening(self) -> socket.socket:
        path = self._options.socket
        if path is None:
            return listening_at("127.0.0.1", self._options.port, _TABLE)
        listener, self._inode = listening_on(path, self._options.socket_group, _TABLE)
        return listener

    def trouble(self) -> Trouble | None:
        """See whether it still listens, where the mail server looks for it."""
        if self._server is None or not self._server.is_serving():
            return Trouble("it has ended")
        path = self._options.socket
        if path is not None and not is_there(path, self._inode):
            return Trouble("the socket was removed or replaced")
        return None

    async def stop(self) -> None:
        """Answer for the mails under way, and listen no more."""
        server, self._server = self._server, None
        sessions, self._sessions = self._sessions, None
        if server is not None:
            server.close()
        if sessions is not None:
            await sessions.end(_END_SECONDS)
        if server is not None and self._options.socket is not None:
            with suppress(OSError):
                remove(self._options.socket, self._inode)
