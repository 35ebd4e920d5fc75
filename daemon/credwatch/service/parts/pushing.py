"""The part that shippers push to: the HTTP listener."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog
from starlette.applications import Starlette

from credwatch.kernel.errors import CredwatchError, SourceError
from credwatch.service.parts.serving import ServingPart
from credwatch.sources.network_options import PushOptions
from credwatch.sources.received.intake import Intake
from credwatch.web.push.server import serve_push

log = structlog.get_logger(__name__)


class PushPart(ServingPart):
    """Serves the push endpoints; while it cannot listen, their sources are down."""

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
        super().__init__("push", app, self._push)
        self._options = options
        self._intakes = tuple(intakes)
        self._on_listening = on_listening

    async def start(self) -> None:
        """Listen; raises ConfigurationError where the port cannot be had, or a certificate cannot be used."""
        try:
            await super().start()
        except CredwatchError as error:
            self._tell(SourceError(error.message, where=error.where, hint=error.hint))
            raise
        self._tell(None)

    async def _push(self, app: Starlette, stop: asyncio.Event, started: asyncio.Event) -> None:
        def listening(port: int) -> None:
            log.info("push.listening", address=self._options.address, port=port, tls=bool(self._options.certificate))
            self._on_listening(port)
            started.set()

        await serve_push(app, self._options, stop=stop, listening=listening)

    def _tell(self, problem: SourceError | None) -> None:
        for intake in self._intakes:
            intake.problem = problem
