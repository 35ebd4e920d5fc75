"""Delivers commands by SMTP to the mail server that the operator names."""

from __future__ import annotations

import ssl

import aiosmtplib

from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.errors import ConfigurationError, TemplateError
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.outbox.options import EmailOptions
from credwatch.outbox.render import Renderer


class EmailChannel:
    """Delivers each command as one message in one SMTP transaction; keeps the contract of `Channel`."""

    def __init__(self, options: EmailOptions, renderer: Renderer, clock: Clock, password: Secret | None = None) -> None:
        """Raise ConfigurationError where `ca_file` cannot be used or a user name has no password."""
        if options.username and password is None:
            raise ConfigurationError(
                "username needs a password", where="outbox.email.password_file", hint="name the file that holds it"
            )
        self._options = options
        self._renderer = renderer
        self._clock = clock
        self._password = password
        self._tls = _tls(options)

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        try:
            content = bytes(self._renderer.render(command))
        except TemplateError as error:
            return Refused(f"not sent: {error}")
        try:
            return await self._transact(command.recipient, content)
        except (aiosmtplib.SMTPException, OSError) as error:
            return _receipt(error)

    async def _transact(self, recipient: str, content: bytes) -> Receipt:
        options = self._options
        async with aiosmtplib.SMTP(
            hostname=options.host,
            port=options.port,
            timeout=options.timeout_seconds,
            use_tls=options.security == "tls",
            start_tls=options.security == "starttls",
            tls_context=self._tls,
        ) as server:
            if self._password is not None and options.username:
                await server.login(options.username, self._password.reveal())
            _, reply = await server.sendmail(options.sender, [recipient], content)
            return Delivered(at=self._clock(), reply=_one_line(f"250 {reply}"))


def _receipt(error: Exception) -> Receipt:
    """Read an SMTP failure: 5yz to the message is final, everything else may pass (RFC 5321, section 4.2.1).

    A refused login or an unprotected connection is the operator's to mend and says nothing about the message, so
    it is tried again.
    """
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Retry(f"the mail server refused the login: {error.code}")
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        reply = _one_line(f"{error.code} {error.message}")
        about_us = isinstance(error, _BEFORE_THE_MESSAGE) or error.code in _LOGIN_FIRST
        return Refused(reply) if error.code >= 500 and not about_us else Retry(reply)
    return Retry(_one_line(f"{type(error).__name__}: {error}"))


_LOGIN_FIRST = (530, 534, 535, 538)  # RFC 4954, section 6: this server wants TLS or another login
_BEFORE_THE_MESSAGE = (aiosmtplib.SMTPConnectResponseError, aiosmtplib.SMTPHeloError)


def _tls(options: EmailOptions) -> ssl.SSLContext | None:
    if options.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=options.ca_file)
    except (OSError, ssl.SSLError) as error:
        hint = "name a readable PEM file, or leave it out to trust the system's certificates"
        where = "outbox.email.ca_file"
        raise ConfigurationError(f"{options.ca_file} cannot be used: {error}", where=where, hint=hint) from error


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]
