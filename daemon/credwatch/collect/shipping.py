"""Sends what the buffer has, the oldest first and each log in its order, until all of it was taken over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog
import zstandard
from msgspec import Struct

from credwatch.collect.buffer import Buffer, KeptBatch
from credwatch.collect.destination import Destination, Ship
from credwatch.kernel.errors import CredwatchError
from credwatch.sources.named import LineFormat
from credwatch.sources.shipped.batch import LogBatch

log = structlog.get_logger(__name__)

_AT_ONCE = 8
_IDLE_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


class ShippingState(Struct):
    """What was sent, for metrics; each number only grows."""

    lines: int = 0
    """How many lines were taken over."""
    bytes: int = 0
    """How many bytes of lines."""
    batches: int = 0
    """In how many batches."""
    failures: int = 0
    """How often an attempt failed."""
    trouble: str = ""
    """Why nothing can be sent now."""
    turned_at: float = 0.0
    """When the last turn was over, in seconds of the event loop."""


class Shipping:
    """Sends in the event loop that runs it."""

    def __init__(
        self, buffer: Buffer, destination: Destination, host: str, longest_pause: float = _LONGEST_PAUSE
    ) -> None:
        self._buffer = buffer
        self._destination = destination
        self._host = host
        self._longest_pause = longest_pause
        self._woken = asyncio.Event()
        self._pause = _FIRST_PAUSE
        self.shipped = ShippingState()

    def wake(self) -> None:
        """Say that there is more; from another thread by call_soon_threadsafe."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; a place that cannot be reached is tried again."""
        while True:
            try:
                async with self._destination.opened() as ship:
                    while True:
                        await self._turn(ship)
            except CredwatchError as error:
                self._failed(error)
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, self._longest_pause)

    async def flush(self) -> None:
        """Send all that is in the buffer, once; raises CredwatchError where it cannot be sent."""
        async with self._destination.opened() as ship:
            while await self._send(ship, self._buffer.oldest(_AT_ONCE)):
                pass

    async def _turn(self, ship: Ship) -> None:
        self._woken.clear()
        self.shipped.turned_at = asyncio.get_running_loop().time()
        if await self._send(ship, self._buffer.oldest(_AT_ONCE)):
            return
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _send(self, ship: Ship, batches: list[KeptBatch]) -> bool:
        """Send batches, those of one log one after the other; return whether there were any."""
        by_log: dict[str, list[KeptBatch]] = {}
        for kept in batches:
            by_log.setdefault(kept.log, []).append(kept)
        sent = await asyncio.gather(*(self._in_order(ship, lot) for lot in by_log.values()), return_exceptions=True)
        failures = [it for it in sent if isinstance(it, BaseException)]
        if failures:
            raise failures[0]
        if batches:
            self._recovered()
        return bool(batches)

    async def _in_order(self, ship: Ship, batches: Iterable[KeptBatch]) -> None:
        done: list[KeptBatch] = []
        try:
            for kept in batches:
                await ship(self._batch(kept), kept.packed)
                done.append(kept)
        finally:
            self._taken_over(done)

    def _taken_over(self, batches: list[KeptBatch]) -> None:
        if batches:
            self._buffer.forget(kept.number for kept in batches)
            self.shipped.lines += sum(kept.lines for kept in batches)
            self.shipped.bytes += sum(kept.size for kept in batches)
            self.shipped.batches += len(batches)

    def _batch(self, kept: KeptBatch) -> LogBatch:
        text = zstandard.ZstdDecompressor().decompress(kept.packed)
        form: LineFormat | None = kept.format or None  # type: ignore[assignment]  # as it was put in
        return LogBatch(
            host=self._host,
            log=kept.log,
            series=self._buffer.series,
            begin=kept.begin,
            data=text[kept.before :],
            before=text[: kept.before],
            reference=kept.reference,
            format=form,
            zone=kept.zone,
        )

    def _failed(self, error: CredwatchError) -> None:
        if not self.shipped.trouble:
            log.warning("collect.not_sent", error=str(error))
        self.shipped.trouble = str(error)
        self.shipped.failures += 1

    def _recovered(self) -> None:
        if self.shipped.trouble:
            log.info("collect.sends_again", where=self._destination.where)
        self.shipped.trouble, self._pause = "", _FIRST_PAUSE
