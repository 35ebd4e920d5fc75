"""One collector: a thread that reads, an event loop that sends, and a look at both once a second."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress
from datetime import datetime

import structlog

from credwatch.collect.buffer import Buffer
from credwatch.collect.destinations import destination_of
from credwatch.collect.gathering import LineGathering
from credwatch.collect.metrics import metrics_text, path_of, stands_still, troubles_of, write_metrics
from credwatch.collect.options import CollectOptions
from credwatch.collect.shipping import Shipping
from credwatch.kernel.clock import Clock, system_clock
from credwatch.kernel.errors import CredwatchError, StoreError
from credwatch.telemetry.systemd import SaidState

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_METRICS_SECONDS = 10.0
_FLUSH_SECONDS = 10.0
"""So long the end waits until what was read is sent; what is left stays on disk."""

_STILL_SECONDS = 180.0


class Collector:
    """Runs until SIGTERM or SIGINT, then sends what it has read, within some seconds."""

    def __init__(self, options: CollectOptions, *, clock: Clock = system_clock) -> None:
        self._options = options
        self._clock = clock
        self._buffer = Buffer(path_of(options.collect))
        self._gathering = LineGathering(options.collect, options.source, self._buffer, clock)
        self._shipping = Shipping(self._buffer, destination_of(options), options.collect.host)
        self._state = SaidState()
        self._dropped = 0
        self._told_at = 0.0
        self._problem = ""

    async def run(self) -> None:
        """Run; raises StoreError where the buffer cannot be opened."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self._gathering.on_kept = lambda: _call(loop, self._shipping)
        reading = threading.Thread(target=self._gathering.run, name="gathering", daemon=True)
        reading.start()
        sending = asyncio.create_task(self._shipping.run())
        self._state.ready()
        log.info("collect.ready", host=self._options.collect.host, sources=[it.id for it in self._options.source])
        try:
            while not stop.is_set() and reading.is_alive() and not sending.done():
                self._look(loop.time())
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
        finally:
            self._state.stopping()
            await self._end(reading, sending)
        if not stop.is_set():
            raise StoreError("a part of the collector has ended", hint="see the log; report it")

    def _look(self, now: float) -> None:
        """Drop what is too old, tell systemd, and write the metrics."""
        state, shipped = self._gathering.state, self._shipping.shipped
        if not stands_still(state, _STILL_SECONDS):
            self._state.alive()
        self._state.told(troubles_of(state, shipped))
        if now - self._told_at >= _METRICS_SECONDS:
            self._told_at = now
            self._tell()

    def _tell(self) -> None:
        now = self._clock()
        try:
            self._drop_before(now - self._options.collect.buffer_age)
            names = [source.id for source in self._options.source]
            state, shipped = self._gathering.state, self._shipping.shipped
            write_metrics(self._options.collect, metrics_text(self._buffer, state, shipped, self._dropped, names, now))
            self._problem = ""
        except StoreError as error:
            if not self._problem:
                log.error("collect.not_told", error=str(error))
            self._problem = str(error)

    def _drop_before(self, limit: datetime) -> None:
        """Give up what could not be sent for too long, and say so."""
        oldest = self._buffer.oldest_at()
        if oldest is not None and oldest < limit:
            lines = self._buffer.drop_before(limit)
            self._dropped += lines
            log.error("collect.dropped", lines=lines, hint="they could not be sent for buffer_age")

    async def _end(self, reading: threading.Thread, sending: asyncio.Task[None]) -> None:
        """Read what is there, send what can be sent, and close the buffer."""
        self._gathering.stop()
        await asyncio.to_thread(reading.join, _FLUSH_SECONDS)
        sending.cancel()
        with suppress(asyncio.CancelledError, Exception):  # what it died of was logged
            await sending
        with suppress(CredwatchError, TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._shipping.flush()
        self._tell()
        log.info("collect.stopped", batches=self._buffer.batches)
        self._buffer.close()


def _call(loop: asyncio.AbstractEventLoop, shipping: Shipping) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(shipping.wake)
