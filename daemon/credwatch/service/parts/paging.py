"""The part that serves the customers' pages, a task of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from starlette.applications import Starlette

from credwatch.service.parts.delivery import ended, has_begun
from credwatch.service.parts.interface import Trouble
from credwatch.web.portal.options import PortalOptions
from credwatch.web.portal.server import serve_portal

log = structlog.get_logger(__name__)


class PortalPart:
    """Serves the pages; where it cannot listen, the daemon does without them and tries again."""

    name = "portal"
    is_vital = False

    def __init__(self, app: Callable[[], Starlette], options: PortalOptions) -> None:
        """Take how the application is made, anew for each start."""
        self._make = app
        self._options = options
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; raises ConfigurationError where it cannot, or the pages cannot be made."""
        self._stop, started = asyncio.Event(), asyncio.Event()
        app = await asyncio.to_thread(self._make)

        def listening(place: str) -> None:
            log.info("portal.listening", at=place, url=self._options.public_url)
            started.set()

        serving = serve_portal(app, self._options, stop=self._stop, listening=listening)
        self._task = asyncio.create_task(serving, name="portal")
        if not await has_begun(self._task, started):
            await self._task

    def trouble(self) -> Trouble | None:
        """See whether it still serves."""
        return Trouble(ended(self._task)) if self._task is None or self._task.done() else None

    async def stop(self) -> None:
        """Answer what was asked, and give the port back."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait({self._task})
