"""A part that serves HTTP, as a task of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from starlette.applications import Starlette

from credwatch.service.parts.delivery import ended, has_begun
from credwatch.service.parts.interface import Trouble

Serve = Callable[[Starlette, asyncio.Event, asyncio.Event], Coroutine[None, None, None]]
"""Serves an application until the first event is set; sets the second one once somebody can connect."""


class ServingPart:
    """Serves an application; where it cannot listen, the daemon does without it and tries again."""

    is_vital = False

    def __init__(self, name: str, app: Callable[[], Starlette], serve: Serve) -> None:
        """Take how the application is made, anew for each start and in a thread, and how it is served."""
        self.name = name
        self._make = app
        self._serve = serve
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; raises ConfigurationError where it cannot, or the application cannot be made."""
        self._stop, started = asyncio.Event(), asyncio.Event()
        app = await asyncio.to_thread(self._make)
        self._task = asyncio.create_task(self._serve(app, self._stop, started), name=self.name)
        if not await has_begun(self._task, started):
            await self._task

    def trouble(self) -> Trouble | None:
        """See whether it still serves."""
        return Trouble(ended(self._task)) if self._task is None or self._task.done() else None

    async def stop(self) -> None:
        """Answer what was asked, and listen no more."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait({self._task})
