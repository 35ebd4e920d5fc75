"""The part that reads: a thread of its own, from the lines to the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Thread

import structlog

from credwatch.service.parts.interface import Pulse, Trouble
from credwatch.service.reader import Reader

log = structlog.get_logger(__name__)


class ReadingPart:
    """Runs a reader. One that died is replaced by a new one, which goes on from what was committed last."""

    name = "reader"
    is_vital = True

    def __init__(self, reader: Callable[[], Reader], pulse: Pulse) -> None:
        """Take how a reader is made; the first is made at the start, too."""
        self._make = reader
        self._pulse = pulse
        self._reader: Reader | None = None
        self._thread: Thread | None = None
        self._failure = ""
        self._is_asked = False

    async def start(self) -> None:
        """Make a reader from what the store has, and let it run."""
        reader = await asyncio.to_thread(self._make)
        self._reader, self._failure, self._is_asked = reader, "", False
        self._pulse.beat()
        self._thread = Thread(target=lambda: self._run(reader), name="reader")
        self._thread.start()

    def trouble(self) -> Trouble | None:
        """Have the thread beat between two batches, and see whether it has lately."""
        if self._thread is None or not self._thread.is_alive():
            return Trouble(f"the reading thread has ended: {self._failure}" if self._failure else "it has ended")
        if not self._is_asked and self._reader is not None:
            self._is_asked = True
            self._reader.between_batches(self._beat)
        return self._pulse.trouble()

    async def stop(self) -> None:
        """Let the batch under way be committed."""
        if self._reader is not None and self._thread is not None:
            self._reader.stop()
            await asyncio.to_thread(self._thread.join)

    def _beat(self) -> None:
        self._is_asked = False
        self._pulse.beat()

    def _run(self, reader: Reader) -> None:
        try:
            reader.run()
        except Exception as error:  # it is told, and a new reader begins from what was committed
            log.exception("reader.died")
            self._failure = type(error).__name__
