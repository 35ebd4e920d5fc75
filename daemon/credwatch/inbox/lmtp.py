"""Takes mails that a mail server hands over by LMTP (RFC 2033): it keeps each until we have answered for it with 250.

The library speaks the protocol. What it lacks is here: an answer for each recipient after the data (section 4.2), and
bounds on how many connections there are and how much one of them may send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, AnyStr

import structlog
from aiosmtpd.lmtp import LMTP

from credwatch.inbox.options import LmtpOptions

log = structlog.get_logger(__name__)

_MOST_RECIPIENTS = 50
_LONGEST_LINE = 65_536
"""RFC 5321 allows 1,000 bytes; some servers hand on longer ones, and a mail must not be lost for that."""
_MORE_THAN_A_MAIL = 200_000
_GOODBYE = b"421 4.3.2 too many connections, try again later\r\n"

Deliver = Callable[[bytes], Awaitable[str]]
"""Takes a mail in, and returns the reply: 250 once it is committed. It never raises."""


class LmtpServer:
    """What all connections have in common; makes a protocol for each."""

    def __init__(self, deliver: Deliver, options: LmtpOptions, longest: int, name: str) -> None:
        """Take who takes mails in, how long a mail may be, and the name that we greet with."""
        self._deliver = deliver
        self._options = options
        self._longest = longest
        self._name = name
        self._open: set[LmtpSession] = set()
        self._under_way = 0

    def session(self) -> LmtpSession:
        """Make the protocol of a connection."""
        return LmtpSession(self, self._longest, self._name, self._options.timeout_seconds)

    def has_room_for(self, session: LmtpSession) -> bool:
        """Count a connection, where one more may be."""
        if len(self._open) >= self._options.connections:
            return False
        self._open.add(session)
        return True

    def left(self, session: LmtpSession) -> None:
        """Count a connection no more."""
        self._open.discard(session)

    async def handle_EHLO(
        self, _server: LmtpSession, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Say what we can: the three that section 5 asks for, and SIZE."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", "250 ENHANCEDSTATUSCODES"]

    async def handle_MAIL(
        self, _server: LmtpSession, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take note of the sender."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, _server: LmtpSession, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a recipient; which ones there are is the mail server's to know."""
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: LmtpSession, _session: Any, envelope: Any) -> str:
        """Take the mail in, with its envelope in front of it (RFC 5321, section 4.4)."""
        self._under_way += 1
        try:
            return await self._deliver(_with_envelope(envelope))
        finally:
            self._under_way -= 1

    async def handle_exception(self, error: Exception) -> str:
        """Answer what the library did not expect; the mail server tries again."""
        log.error("inbox.lmtp_failed", error=type(error).__name__)
        return "451 4.3.0 try again later"

    async def end(self, seconds: float) -> None:
        """Answer for the mails under way, and end all connections."""
        until = asyncio.get_running_loop().time() + seconds
        while self._under_way and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110  # nobody waits but at the end
            await asyncio.sleep(0.02)
        for session in [*self._open]:
            session.part()


class LmtpSession(LMTP):
    """One connection."""

    line_length_limit = _LONGEST_LINE

    def __init__(self, server: LmtpServer, longest: int, name: str, seconds: float) -> None:
        super().__init__(
            server,
            data_size_limit=longest,
            hostname=name,
            ident="credwatch LMTP",
            timeout=seconds,
            loop=asyncio.get_running_loop(),
        )
        self._server = server
        self._most = longest + _MORE_THAN_A_MAIL
        self._received = 0
        self._is_refused = False
        self._answers = 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or say that there are too many already."""
        self._is_refused = not self._server.has_room_for(self)
        if not self._is_refused:
            super().connection_made(transport)
        elif isinstance(transport, asyncio.WriteTransport):
            transport.write(_GOODBYE)
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """End; a mail under way is taken in all the same, and known when it comes again."""
        if not self._is_refused:
            self._server.left(self)
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """Take the end of what is sent for the end of the connection."""
        return None if self._is_refused else super().eof_received()

    def data_received(self, data: bytes) -> None:
        """Take bytes, but not more between two answers than a mail may have."""
        self._received += len(data)
        if self._received > self._most:
            self.hang_up()
        elif not self._is_refused:
            super().data_received(data)

    async def push(self, status: AnyStr) -> None:
        """Answer; after the data for each recipient (RFC 2033, section 4.2)."""
        answers, self._answers, self._received = self._answers, 1, 0
        text = status.decode() if isinstance(status, bytes) else status
        if text.startswith("354") and self.envelope is not None:
            self._answers = len(self.envelope.rcpt_tos)
        await super().push("\r\n".join([text] * answers))

    def part(self) -> None:
        """End the connection once the answers are sent."""
        if self.transport is not None:
            self.transport.close()

    def hang_up(self) -> None:
        """End the connection without another word."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()


def _with_envelope(envelope: Any) -> bytes:
    sender = envelope.mail_from.strip("<>")
    recipients = "".join(f"Delivered-To: {recipient}\r\n" for recipient in envelope.rcpt_tos)
    return f"Return-Path: <{sender}>\r\n{recipients}".encode() + bytes(envelope.original_content)
