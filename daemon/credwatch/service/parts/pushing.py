"""The part that shippers push to: the HTTP listener, a task of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog
from starlette.applications import Starlette

from credwatch.kernel.errors import CredwatchError, SourceError
from credwatch.service.parts.delivery import ended, has_begun
from credwatch.service.parts.interface import Trouble
from credwatch.sources.network_options import PushOptions
from credwatch.sources.received.intake import Intake
from credwatch.web.push.server import serve_push

log = structlog.get_logger(__name__)


class PushPart:
    """Serves the push endpoints; while it cannot listen, their sources are down."""

    name = "push"
    is_vital = False

    def __init__(
        self,
        app: Callable[[], Starlette],
        options: PushOptions,
        intakes: Iterable[Intake],
        *,
        on_listening: Callable[[int], None] = lambda _port: None,
    ) -> None:
        """Take how the application is made, anew for each start, and the intakes that it fills.

        `on_listening` is told the port.
        """
        self._make = app
        self._options = options
        self._intakes = tuple(intakes)
        self._on_listening = on_listening
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; raises ConfigurationError where the port cannot be had, or a certificate cannot be used."""
        self._stop, started = asyncio.Event(), asyncio.Event()

        def listening(port: int) -> None:
            log.info("push.listening", address=self._options.address, port=port, tls=bool(self._options.certificate))
            self._on_listening(port)
            started.set()

        serving = serve_push(self._make(), self._options, stop=self._stop, listening=listening)
        self._task = asyncio.create_task(serving, name="push")
        has_started = await has_begun(self._task, started)
        self._tell(None)
        if not has_started:
            try:
                await self._task
            except CredwatchError as error:
                self._tell(SourceError(error.message, where=error.where, hint=error.hint))
                raise

    def trouble(self) -> Trouble | None:
        """See whether it still serves."""
        return Trouble(ended(self._task)) if self._task is None or self._task.done() else None

    async def stop(self) -> None:
        """Answer what was asked, and give the port back."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    def _tell(self, problem: SourceError | None) -> None:
        for intake in self._intakes:
            intake.problem = problem
