"""Asks the mail servers of the settings whether they would take messages, and sends one on request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from credwatch.app import keys
from credwatch.app.rendering import build_renderer
from credwatch.app.settings import Settings
from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import CredwatchError, Problem, Severity
from credwatch.kernel.receipt import Delivered, Receipt, Retry
from credwatch.kernel.secret import Secret
from credwatch.outbox.email.channel import EmailChannel
from credwatch.outbox.email.probe import probe
from credwatch.outbox.options import EmailOptions
from credwatch.workflows.facts import Contact
from credwatch.workflows.trial_message import trial_message

_SECONDS = 20.0
"""How long all steps at one server may take; servers are asked side by side."""
_STEP_SECONDS = 12.0
"""How long a step may take while a message is sent; the channel allows five of these together."""


def mail_problems(settings: Settings) -> list[Problem]:
    """Connect to each mail server, encrypt, log in and name the sender; returns the steps that fail.

    A server whose password or certificates cannot be read is passed over: that is a problem of its own.
    """
    return asyncio.run(_asked(settings))


def send_trial_message(settings: Settings, recipient: str, clock: Clock) -> Receipt:
    """Send a message that says that it is a test, and return what the mail server made of it.

    Raises CredwatchError where the settings allow no message, such as a broken template.
    """
    options_of_mail = settings.outbox.email
    options = options_of_mail.model_copy(
        update={"timeout_seconds": min(options_of_mail.timeout_seconds, _STEP_SECONDS)}
    )
    channel = EmailChannel(options, build_renderer(settings), clock, keys.smtp_password(settings))
    contact = settings.contact
    sender = Contact(contact.name, contact.mailbox, contact.phone, contact.address)
    language, zone = settings.operators.language, settings.daemon.time_zone
    server = f"{options.host}:{options.port}"
    return asyncio.run(channel.deliver(trial_message(recipient, language, server, sender, zone, clock())))


def not_accepted(receipt: Receipt, recipient: str) -> Problem | None:
    """Say why a test message was not taken; None where it was."""
    match receipt:
        case Delivered():
            return None
        case Retry():
            hint = "a server that asks to wait takes it later: the daemon tries again by itself, here you do"
        case _:
            hint = "correct the address, or allow it at the mail server"
    message = f"the test message to {recipient} was not accepted: {receipt.reason}"
    return Problem("outbox.email", message, hint, Severity.FAULT)


async def _asked(settings: Settings) -> list[Problem]:
    answers = await asyncio.gather(*(_ask(*server) for server in _servers(settings)))
    return [problem for problem in answers if problem is not None]


async def _ask(where: str, options: EmailOptions, password: Callable[[], Secret | None]) -> Problem | None:
    try:
        return await probe(options, password(), where=where, seconds=_SECONDS)
    except CredwatchError:  # told where the keys are tried
        return None


def _servers(settings: Settings) -> Iterator[tuple[str, EmailOptions, Callable[[], Secret | None]]]:
    yield "outbox.email", settings.outbox.email, lambda: keys.smtp_password(settings)
    second = settings.outbox.fallback.email
    if second is not None:
        where = "outbox.fallback.email"
        yield where, second, lambda: keys.password_of(second, f"{where}.password_file")
