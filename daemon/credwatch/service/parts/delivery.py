"""The part that delivers what the outbox holds: a task of the event loop."""

from __future__ import annotations

import asyncio
from datetime import datetime

from credwatch.outbox.dispatcher import Dispatcher
from credwatch.service.parts.interface import Pulse, Trouble
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore


class WatchedOutbox(OutboxStore):
    """The outbox of the store, which beats whenever the dispatcher asks what comes next: once a turn."""

    def __init__(self, database: Database, pulse: Pulse) -> None:
        super().__init__(database)
        self._pulse = pulse

    def next_at(self) -> datetime | None:
        """Tell when the next queued command is due."""
        self._pulse.beat()
        return super().next_at()


class DeliveryPart:
    """Runs the dispatcher; what was under way when it died is put back in the queue and sent again."""

    name = "dispatcher"
    is_vital = True

    def __init__(self, dispatcher: Dispatcher, pulse: Pulse) -> None:
        self._dispatcher = dispatcher
        self._pulse = pulse
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to deliver."""
        self._pulse.beat()
        self._task = asyncio.create_task(self._dispatcher.run(), name="dispatcher")

    def trouble(self) -> Trouble | None:
        """See whether the task runs and has made a turn lately."""
        if self._task is None or self._task.done():
            return Trouble(ended(self._task))
        return self._pulse.trouble()

    async def stop(self) -> None:
        """Begin no further attempt, and wait for those under way."""
        if self._task is not None and not self._task.done():
            self._dispatcher.stop()
            await asyncio.wait({self._task})


async def has_begun(task: asyncio.Task[None], begun: asyncio.Event) -> bool:
    """Wait until a task says that it has begun, or ends; tell whether it has begun."""
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return begun.is_set()


def ended(task: asyncio.Task[None] | None) -> str:
    """Say how a task ended."""
    if task is None or task.cancelled() or (error := task.exception()) is None:
        return "it has ended"
    return str(error) or type(error).__name__
