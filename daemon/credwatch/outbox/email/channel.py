"""Delivers commands by SMTP to the mail server that the operator names."""

from __future__ import annotations

import asyncio
import socket
import ssl

import aiosmtplib
import structlog

from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.legible import on_a_terminal
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.return_path import ReturnPath
from credwatch.kernel.secret import Secret
from credwatch.outbox.email.envelope import Envelope, dsn_options, envelope_of
from credwatch.outbox.email.render import Renderer
from credwatch.outbox.options import EmailOptions

log = structlog.get_logger(__name__)

_LONGEST_REPLY = 500
_STEPS_TOGETHER = 5
"""All steps of one attempt together may take so many times what one of them may."""
_QUIT_SECONDS = 5.0


class EmailChannel:
    """Delivers each command as one message in one SMTP transaction; keeps the contract of `Channel`."""

    def __init__(
        self,
        options: EmailOptions,
        renderer: Renderer,
        clock: Clock,
        password: Secret | None = None,
        *,
        where: str = "outbox.email",
        return_path: ReturnPath | None = None,
    ) -> None:
        """Raise ConfigurationError, at the table `where`, for an unusable `ca_file` or a user name without password.

        With a return path, what cannot be delivered comes back to an address that names the message.
        """
        if options.username and password is None:
            raise ConfigurationError(
                "username needs a password",
                where=f"{where}.password_file",
                hint="name its file; what the unit hands over is not seen by hand (docs/operations.md, Secrets)",
            )
        self._options = options
        self._renderer = renderer
        self._clock = clock
        self._password = password
        self._tls = tls_of(options, where)
        self._return_path = return_path
        self._own_name = ""

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        try:
            content = bytes(self._renderer.render(command))
            envelope = envelope_of(command, self._options.sender, self._return_path)
        except Exception as error:  # noqa: BLE001  # templates are the operators', and may fail in any way
            return Refused(one_line(f"not sent: {error}"))
        try:
            async with asyncio.timeout(_STEPS_TOGETHER * self._options.timeout_seconds):
                return await self._transact(envelope, content)
        except Exception as error:  # noqa: BLE001  # what a server says may break the library in ways it does not name
            return _receipt(error)

    async def _transact(self, envelope: Envelope, content: bytes) -> Receipt:
        # In a thread, for the resolver may take its time, and nothing else may wait for it.
        self._own_name = self._own_name or await asyncio.to_thread(socket.getfqdn)
        server = self._server()
        try:
            await server.connect()
            if self._password is not None and self._options.username:
                await server.login(self._options.username, self._password.reveal())
            options = await dsn_options(server, envelope)
            _, reply = await server.sendmail(
                envelope.sender,
                [envelope.recipient],
                content,
                mail_options=options.mail,
                rcpt_options=options.recipient,
            )
            accepted = Delivered(at=self._clock(), reply=one_line(f"250 {reply}"), content=content)
            await part(server)
            return accepted
        finally:
            server.close()

    def _server(self) -> aiosmtplib.SMTP:
        options = self._options
        return aiosmtplib.SMTP(
            hostname=options.host,
            port=options.port,
            local_hostname=self._own_name,
            timeout=options.timeout_seconds,
            use_tls=options.security == "tls",
            start_tls=options.security == "starttls",
            tls_context=self._tls,
        )


async def part(server: aiosmtplib.SMTP) -> None:
    """Say goodbye; whatever comes of it, the message has been accepted and must not be sent again."""
    try:
        await server.quit(timeout=_QUIT_SECONDS)
    except Exception as error:  # noqa: BLE001  # see above
        log.debug("outbox.no_goodbye", error=type(error).__name__)


def _receipt(error: Exception) -> Receipt:
    """Read an SMTP failure: 5yz to recipient or message is final, everything else may pass (RFC 5321, section 4.2.1).

    What comes before the message, a refused login or sender and a broken connection say nothing about the reader: the
    way is broken, and the message is tried again.
    """
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Retry(f"the mail server refused the login: {error.code}", of_the_way=True)
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if not isinstance(error, aiosmtplib.SMTPResponseException):
        return Retry(one_line(f"{type(error).__name__}: {error}"), of_the_way=True)
    reply = one_line(f"{error.code} {error.message}")
    if not isinstance(error, _ABOUT_THE_MESSAGE) or error.code in _ABOUT_US or not 400 <= error.code <= 599:
        return Retry(reply, of_the_way=True)
    return Refused(reply, by_server=True) if error.code >= 500 else Retry(reply)


_ABOUT_US = (421, 530, 534, 535, 538)
"""The server closes (RFC 5321, section 3.8), or wants TLS or another login (RFC 4954, section 6)."""
_ABOUT_THE_MESSAGE = (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError)


def tls_of(options: EmailOptions, where: str) -> ssl.SSLContext | None:
    """Return which certificates are trusted, None where nothing is encrypted; raises ConfigurationError."""
    if options.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=options.ca_file)
    except (OSError, ssl.SSLError) as error:
        hint = "name a readable PEM file, or leave it out to trust the system's certificates"
        message = f"{options.ca_file} cannot be used: {error}"
        raise ConfigurationError(message, where=f"{where}.ca_file", hint=hint) from error


def one_line(text: str) -> str:
    """Write what a server said as one line: bytes that are no UTF-8 and control characters become escapes."""
    return on_a_terminal(" ".join(text[: 4 * _LONGEST_REPLY].split()))[:_LONGEST_REPLY]
