"""Delivers commands by appending their text to a file, which a pager, a mounted share or another program watches."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.legible import on_a_terminal
from credwatch.kernel.receipt import Delivered, Receipt, Refused, Retry
from credwatch.outbox.email.render import Renderer
from credwatch.outbox.words.text import plain_text

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_RULE = "-" * 76


class FileChannel:
    """Appends each command to one regular file, which only its owner may read; keeps the contract of `Channel`."""

    def __init__(self, path: Path, renderer: Renderer, clock: Clock, timeout_seconds: float = 30.0) -> None:
        self._path = path
        self._renderer = renderer
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    async def deliver(self, command: Command) -> Receipt:
        """Make one attempt to deliver a command."""
        try:
            text = f"{plain_text(self._renderer, command)}{_RULE}\n".encode()
        except Exception as error:  # noqa: BLE001  # templates are the operators', and may fail in any way
            return Refused(on_a_terminal(f"not sent: {error}"))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await asyncio.to_thread(_append, self._path, text)
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            return Retry(on_a_terminal(f"{self._path}: {reason}"), of_the_way=True)
        return Delivered(at=self._clock(), reply=on_a_terminal(f"written to {self._path}"))


def _append(path: Path, text: bytes) -> None:
    """Append all of a text and see it on the disk; raises OSError, also where something else than a file is there."""
    descriptor = os.open(path, _FLAGS, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("is no regular file")
        while text:
            text = text[os.write(descriptor, text) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
