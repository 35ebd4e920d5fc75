"""The part that answers applications: the gate on its Unix socket, a task of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette

from credwatch.policy.options import GateOptions
from credwatch.service.parts.delivery import ended, has_begun
from credwatch.service.parts.interface import Trouble
from credwatch.web.unix_socket import serve_gate


class GatePart:
    """Serves the gate; where its socket is taken away, it ends and begins again with a new one."""

    name = "gate"
    is_vital = False

    def __init__(self, app: Callable[[], Starlette], options: GateOptions) -> None:
        """Take how the application is made, anew for each start."""
        self._make = app
        self._options = options
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; raises ConfigurationError where something is in the way, or the gate cannot be made."""
        self._stop, started = asyncio.Event(), asyncio.Event()
        app = await asyncio.to_thread(self._make)
        serving = serve_gate(
            app, self._options.socket, stop=self._stop, group=self._options.socket_group, started=started
        )
        self._task = asyncio.create_task(serving, name="gate")
        if not await has_begun(self._task, started):
            await self._task

    def trouble(self) -> Trouble | None:
        """See whether it still serves."""
        return Trouble(ended(self._task)) if self._task is None or self._task.done() else None

    async def stop(self) -> None:
        """Answer what was asked, and remove the socket."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait({self._task})
