"""The part that reads a stream of NATS for one source, in the event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from credwatch.service.parts.interface import Trouble
from credwatch.sources.nats.receiver import NatsReceiver


class StreamPart:
    """Reads one stream; while its server is away the source is down, and all else goes on."""

    is_vital = False

    def __init__(self, source: str, receiver: NatsReceiver) -> None:
        self.name = f"nats-{source}"
        self._receiver = receiver
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read; a server that does not answer now is tried again and again."""
        self._task = asyncio.create_task(self._receiver.run())

    def trouble(self) -> Trouble | None:
        """See whether it still reads."""
        if self._task is not None and not self._task.done():
            return None
        error = self._task.exception() if self._task is not None and not self._task.cancelled() else None
        return Trouble(f"it has ended: {error}" if error else "it has ended")

    async def stop(self) -> None:
        """Give what is not committed back to the server."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):  # what it died of was told by `trouble`
                await self._task
