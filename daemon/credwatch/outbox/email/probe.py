"""Tries a mail server out up to the point where a message would begin, and says at which step it fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum

import aiosmtplib

from credwatch.kernel.errors import Problem, Severity
from credwatch.kernel.mailbox import mailbox
from credwatch.kernel.secret import Secret
from credwatch.outbox.email.channel import one_line, part, tls_of
from credwatch.outbox.options import EmailOptions

_FITTING = "the usual ports are 587 with starttls and 465 with tls"


class ProbeStep(StrEnum):
    """What is asked of a mail server, in this order."""

    CONNECTION = "connection"
    """It can be found, answers, and with tls shows a certificate that is trusted."""
    STARTTLS = "STARTTLS"
    """It encrypts the connection, and shows a certificate that is trusted."""
    LOGIN = "login"
    """It takes user name and password."""
    SENDER = "sender"
    """It takes messages from the From address."""


async def probe(options: EmailOptions, password: Secret | None, *, where: str, seconds: float) -> Problem | None:
    """Go through the steps that the settings ask for, and say which fails; None where all succeed.

    No message is sent. After so many seconds it gives up. What the server says to a login is never repeated, for it
    may hold what was sent. Raises ConfigurationError for an unusable `ca_file`.
    """
    tls = tls_of(options, where)
    step = ProbeStep.CONNECTION
    server = aiosmtplib.SMTP(
        hostname=options.host,
        port=options.port,
        timeout=seconds,
        use_tls=options.security == "tls",
        start_tls=False,
        tls_context=tls,
    )
    try:
        async with asyncio.timeout(seconds):
            # In a thread, for the resolver may take its time.
            server.local_hostname = await asyncio.to_thread(socket.getfqdn)
            for step, take in _steps(server, options, password):  # noqa: B007  # what is under way when it fails
                await take()
            await part(server)
    except TimeoutError:
        return _problem(where, options, step, f"no answer within {seconds:g} s", _hint_for_silence(step))
    except Exception as error:  # noqa: BLE001  # what a server says may break the library in ways it does not name
        return _problem(where, options, step, _reply(step, error), _hint(step, error))
    finally:
        server.close()
    return None


def _steps(
    server: aiosmtplib.SMTP, options: EmailOptions, password: Secret | None
) -> Iterator[tuple[ProbeStep, Callable[[], Awaitable[object]]]]:
    yield ProbeStep.CONNECTION, server.connect
    if options.security == "starttls":
        yield ProbeStep.STARTTLS, server.starttls
    if options.username and password is not None:
        yield ProbeStep.LOGIN, lambda: server.login(options.username, password.reveal())
    yield ProbeStep.SENDER, lambda: server.mail(mailbox(options.bounces or options.sender))
    yield ProbeStep.SENDER, server.rset


def _problem(where: str, options: EmailOptions, step: ProbeStep, reply: str, hint: str) -> Problem:
    return Problem(f"{where}: {options.host}:{options.port}", f"{step} failed: {reply}", hint, Severity.FAULT)


def _reply(step: ProbeStep, error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return str(error.code) if step is ProbeStep.LOGIN else one_line(f"{error.code} {error.message}")
    return one_line(str(error) or type(error).__name__)


def _hint_for_silence(step: ProbeStep) -> str:
    if step is ProbeStep.CONNECTION:
        return f"correct host and port, and look for a firewall between; {_FITTING}"
    return "the server is busy or stands still; see its log"


def _hint(step: ProbeStep, error: Exception) -> str:
    if "certificate verify failed" in str(error):
        return "host must be the name in its certificate; name the authority that signed it in ca_file"
    match step:
        case ProbeStep.CONNECTION if isinstance(error, aiosmtplib.SMTPResponseException):
            return "it answers and turns us away; see its log for why"
        case ProbeStep.CONNECTION:
            return f"start the mail server, or correct host and port; {_FITTING}"
        case ProbeStep.STARTTLS:
            return 'use security = "tls" with its port, or "none" for a server on this machine'
        case ProbeStep.LOGIN if isinstance(error, aiosmtplib.SMTPResponseException):
            return "correct username and the password in password_file, or see the server's log"
        case ProbeStep.LOGIN:
            return "leave username out where the server wants none, or use the port for logins"
        case ProbeStep.SENDER:
            return "correct sender, or allow this address at the mail server"
