"""The envelope of a message: who gets it, where it comes back to, and what is asked of the servers on its way."""

from __future__ import annotations

import aiosmtplib
from msgspec import Struct

from credwatch.kernel.command import Command
from credwatch.kernel.mailbox import mailbox
from credwatch.kernel.return_path import ReturnPath


class Envelope(Struct, frozen=True):
    """What a mail server is told before the message itself."""

    sender: str
    """Where it comes back to where it cannot be delivered."""
    recipient: str
    """Who gets it."""
    token: str = ""
    """What names it in a report of its delivery; empty where nobody reads such reports."""


def envelope_of(command: Command, sender: str, return_path: ReturnPath | None) -> Envelope:
    """Address a message; raises ValueError where an address is none that SMTP carries."""
    recipient = mailbox(command.recipient)
    if return_path is None:
        return Envelope(sender, recipient)
    return Envelope(return_path.of(command.id), recipient, return_path.token(command.id))


class DsnOptions(Struct, frozen=True):
    """What is asked of a server beside the delivery: parameters of MAIL and of RCPT."""

    mail: tuple[str, ...] = ()
    recipient: tuple[str, ...] = ()


async def dsn_options(server: aiosmtplib.SMTP, envelope: Envelope) -> DsnOptions:
    """Ask for reports of failures and delays, where the server offers that (RFC 3461, section 4).

    A success is not asked for: a server that takes a message is answerable for it, and what its reader's server makes
    of it later comes as a failure. With reports of successes every notice would bring a mail.
    """
    if not envelope.token:
        return DsnOptions()
    if not server.esmtp_extensions:
        await server.ehlo()
    if not server.supports_extension("dsn"):
        return DsnOptions()
    recipient = ("NOTIFY=FAILURE,DELAY", f"ORCPT=rfc822;{xtext(envelope.recipient)}")
    return DsnOptions(("RET=HDRS", f"ENVID={xtext(envelope.token)}"), recipient)


def xtext(text: str) -> str:
    """Write ASCII text as a parameter of a command: what would end it becomes `+` and two digits (RFC 3461, 4)."""
    return "".join(sign if "!" <= sign <= "~" and sign not in "+=" else f"+{ord(sign):02X}" for sign in text)
