"""The part that takes syslog of one source: its listeners in the event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from credwatch.kernel.errors import ConfigurationError, SourceError
from credwatch.service.parts.interface import Trouble
from credwatch.sources.received.intake import Intake
from credwatch.sources.syslog.receiver import SyslogReceiver

log = structlog.get_logger(__name__)

_EMPTY_SECONDS = 15.0
"""So long the end of the daemon waits for the commit of what was received; systemd waits for 30 seconds."""

_LOOK_SECONDS = 0.05


class SyslogPart:
    """Listens for one source; while it cannot, the source is down and the others go on."""

    is_vital = False

    def __init__(self, source: str, receiver: SyslogReceiver, intake: Intake) -> None:
        self.name = f"syslog-{source}"
        self._source = source
        self._receiver = receiver
        self._intake = intake

    async def start(self) -> None:
        """Listen; raises ConfigurationError where a port cannot be had, or a certificate cannot be used."""
        try:
            ports = await self._receiver.start()
        except ConfigurationError as error:
            self._intake.problem = SourceError(error.message, where=error.where, hint=error.hint)
            raise
        self._intake.problem = None
        log.info("syslog.listening", source=self._source, **ports)

    def trouble(self) -> Trouble | None:
        """See whether it still listens."""
        return None if self._receiver.is_alive() else Trouble("a listener has ended")

    async def stop(self) -> None:
        """Give the ports back, and let the reader commit what came: no sender will send it again."""
        await self._receiver.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_EMPTY_SECONDS):
                while not self._intake.is_empty():  # noqa: ASYNC110  # a commit sets no event here
                    await asyncio.sleep(_LOOK_SECONDS)
