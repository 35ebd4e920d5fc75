"""Marks every letter of a rehearsal in both languages, and sends it to one address, whomever it is written to."""

from __future__ import annotations

import re
from email.message import EmailMessage

from msgspec.structs import replace

from credwatch.kernel.command import Command
from credwatch.kernel.receipt import Receipt
from credwatch.outbox.email.render import Renderer
from credwatch.outbox.interface import Channel
from credwatch.outbox.words.templates import Rendered, Templates

SUBJECT = "[DIỄN TẬP – REHEARSAL] "
"""What every subject begins with."""
SENTENCES = (
    "DIỄN TẬP: đây không phải sự cố thật. Không có tài khoản nào bị xâm phạm, và quý vị không cần làm gì.",
    "REHEARSAL: this is not a real incident. No account was breached, and there is nothing that you need to do.",
)
"""What every letter begins with."""
_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


class MarkedTemplates(Templates):
    """The words of the installation, its own templates too, under the mark, which no template can take away."""

    def render(self, command: Command) -> Rendered:
        """Render a command as its reader would get it, and put the mark before it."""
        words = super().render(command)
        banner = "".join(f"<p><strong>{sentence}</strong></p>" for sentence in SENTENCES)
        opened = _BODY.search(words.html)
        at = opened.end() if opened else 0
        return Rendered(
            SUBJECT + words.subject,
            "\n\n".join((*SENTENCES, words.text)),
            f"{words.html[:at]}{banner}{words.html[at:]}",
        )


class MarkedRenderer(Renderer):
    """Makes messages that mail filters can tell by their head too."""

    def render(self, command: Command) -> EmailMessage:
        """Render a command under the mark."""
        message = super().render(command)
        message["X-Credwatch-Rehearsal"] = "yes"
        return message


class DivertedChannel:
    """Delivers to one address what is written to anybody; keeps the contract of `Channel`."""

    def __init__(self, channel: Channel, address: str) -> None:
        self._channel = channel
        self._address = address

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt, with the address in the place of the recipient."""
        return await self._channel.deliver(replace(command, payload=replace(command.payload, recipient=self._address)))
