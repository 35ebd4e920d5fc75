"""A mail server that can close, open again at the same port, refuse, and take its time."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller
from msgspec import Struct

from child_server import a_free_port

_LONGEST_PAUSE = 60.0


class Letter(Struct, frozen=True):
    """One message as the mail server took it."""

    id: str
    """Its Message-ID, without the angle brackets and the domain: the command's id."""
    recipient: str
    """Whom the envelope named."""
    content: bytes
    """All of its bytes."""


class PostOffice:
    """A mail server that can close, open again at the same port, refuse, and take its time."""

    def __init__(self) -> None:
        self.port = a_free_port()
        self.letters: list[Letter] = []
        self.answer: Callable[[str], str] = lambda _recipient: "250 2.0.0 taken"
        self.is_awake = threading.Event()
        self.is_awake.set()
        self.attempts: Counter[str] = Counter()
        self._controller: Controller | None = None

    def open(self) -> None:
        """Begin to listen."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        """Listen no more."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def taken(self) -> dict[str, set[bytes]]:
        """Return the different contents that came under each id."""
        found: dict[str, set[bytes]] = {}
        for letter in list(self.letters):
            found.setdefault(letter.id, set()).add(letter.content)
        return found

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take a message, or answer as the test says."""
        recipient = envelope.rcpt_tos[0]
        self.attempts[recipient] += 1
        await asyncio.to_thread(self.is_awake.wait, _LONGEST_PAUSE)
        answer = self.answer(recipient)
        if answer.startswith("250"):
            message_id = str(message_from_bytes(envelope.content)["Message-ID"])
            self.letters.append(Letter(message_id.strip("<>").partition("@")[0], recipient, bytes(envelope.content)))
        return answer


@contextmanager
def a_post_office() -> Iterator[PostOffice]:
    """Run a mail server for the length of a block."""
    office = PostOffice()
    office.open()
    try:
        yield office
    finally:
        office.close()
