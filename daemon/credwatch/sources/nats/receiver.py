"""Fetches messages of a stream, hands them to the intake of its source, and acknowledges them once they are committed.

    stream → fetch → intake → (reader: order, commit) → acknowledge

A message that was not acknowledged comes again: at once where we end in order, after `ack_wait` where we were killed.
What was committed of it by then is known by its place: that of its bytes in their log, which a batch tells, or its
number in the stream. So the server's own window for duplicates does not matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from nats.aio.client import Client
from nats.errors import Error
from nats.js.api import ConsumerInfo
from nats.js.errors import APIError

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.nats.connection import connected
from credwatch.sources.nats.consumer import ReadyConsumer, ready_consumer
from credwatch.sources.nats.messages import MessagePlace, StreamDelivery, parcel_of
from credwatch.sources.nats.options import NatsSourceOptions
from credwatch.sources.received.intake import Intake

log = structlog.get_logger(__name__)

_FETCH_SECONDS = 0.5
"""So long a fetch waits for a message, and the end for the fetch that is under way."""
_MOST_AT_ONCE = 8
_LOOK_SECONDS = 2.0
"""So often the server is asked what waits there."""

_ROOM_SECONDS = 0.05
_RETRY_SECONDS = 2.0
_FLUSH_SECONDS = 2

OnLooked = Callable[[str, int, int, int], None]
"""Told of a source: its name, and how many messages wait in the stream, are unacknowledged, and came again."""


class NatsReceiver:
    """Reads one stream for one source, in the event loop that runs it, across losses of the server."""

    def __init__(
        self,
        options: NatsSourceOptions,
        intake: Intake,
        clock: Clock,
        on_looked: OnLooked = lambda _source, _pending, _unacknowledged, _again: None,
    ) -> None:
        self._options = options
        self._intake = intake
        self._clock = clock
        self._on_looked = on_looked
        self._where = f"source {options.id}"
        self._waiting: dict[MessagePlace, StreamDelivery] = {}
        self._floor = 0
        self._sizes = (0, 0)
        self._looked_at = 0.0
        self._acks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Read until cancelled; messages that are not committed by then are given back to the server."""
        while True:
            try:
                await self._connection()
            except SourceError as error:
                self._failed(error)
            except (Error, APIError, OSError, TimeoutError) as error:
                self._failed(_gone(error, self._where))
            await asyncio.sleep(_RETRY_SECONDS)

    def _failed(self, error: SourceError) -> None:
        if self._intake.problem is None:
            log.warning("nats.failed", source=self._options.id, error=str(error))
        self._intake.problem = error

    async def _connection(self) -> None:
        """Read for as long as one connection lives."""
        lost = asyncio.Event()
        async with connected(self._options, self._where, lost=lost) as client:
            jetstream = client.jetstream()
            await self._begun()
            consumer = await ready_consumer(jetstream, self._options, is_first=self._intake.is_new)
            if self._intake.problem is not None:
                log.info("nats.connected", source=self._options.id)
            self._intake.problem = None
            living = asyncio.create_task(self._keep(consumer))
            try:
                while not lost.is_set():
                    await self._fetch(consumer)
            except asyncio.CancelledError:
                await self._give_back(client, consumer)
                raise
            finally:
                living.cancel()
        raise SourceError("the connection to the NATS server is lost", where=self._where, hint="it is made again")

    async def _begun(self) -> None:
        """Wait until the reader has said what was committed."""
        while not self._intake.has_begun:  # noqa: ASYNC110  # the reading thread sets no event here
            await asyncio.sleep(_ROOM_SECONDS)

    async def _fetch(self, consumer: ReadyConsumer) -> None:
        """Take the next messages where there is room for them, or where something is missing that may be among them."""
        if not self._intake.has_room() and not self._intake.is_holding:
            await asyncio.sleep(_ROOM_SECONDS)
        else:
            await self._fetched(consumer)
        now = asyncio.get_running_loop().time()
        if self._intake.is_holding or now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._look(await consumer.subscription.consumer_info())

    async def _fetched(self, consumer: ReadyConsumer) -> None:
        """Take what one fetch brings, to its end: what it has brought when we end must be given back."""
        fetch = asyncio.ensure_future(consumer.subscription.fetch(_MOST_AT_ONCE, timeout=_FETCH_SECONDS))
        is_ending = False
        try:
            await asyncio.wait([fetch])
        except asyncio.CancelledError:
            is_ending = True
            await asyncio.wait([fetch])
        with suppress(TimeoutError):
            for message in fetch.result():
                self._take(StreamDelivery.of(message, consumer.epoch))
        if is_ending:
            raise asyncio.CancelledError

    def _take(self, delivered: StreamDelivery) -> None:
        """Keep a message until it is committed; one that waits here already is acknowledged by its latest delivery."""
        place = delivered.place
        is_known, self._waiting[place] = place in self._waiting, delivered
        if is_known:
            return
        loop = asyncio.get_running_loop()

        def committed() -> None:
            with suppress(RuntimeError):  # the loop has ended: it is given again, and known by its place
                loop.call_soon_threadsafe(self._committed, place)

        parcel = parcel_of(delivered, self._options, self._intake.file_of, self._floor, self._clock())
        parcel.on_committed = committed
        self._sizes = (self._sizes[0] + len(parcel.data), self._sizes[1] + 1)
        self._intake.offer(parcel, must=True)

    def _committed(self, place: MessagePlace) -> None:
        delivered = self._waiting.pop(place, None)
        if delivered is not None:
            task = asyncio.create_task(_quietly(delivered.message.ack()))
            self._acks.add(task)
            task.add_done_callback(self._acks.discard)

    def _look(self, info: ConsumerInfo) -> None:
        """See what waits at the server, and whether anything that is missing may still come from there.

        What is missing before a message that is held has been delivered before it. So it waits here, or is one that the
        server believes to be under way; where no more are under way than wait here, it will never come.
        """
        self._floor = info.ack_floor.stream_seq if info.ack_floor else 0
        pending, unacknowledged = info.num_pending or 0, info.num_ack_pending or 0
        total, count = self._sizes
        self._intake.elsewhere = pending * max(total // max(count, 1), 1)
        self._on_looked(self._options.id, pending, unacknowledged, info.num_redelivered or 0)
        if self._intake.is_holding and unacknowledged <= len(self._waiting):
            self._intake.complete()

    async def _keep(self, consumer: ReadyConsumer) -> None:
        """Tell the server, while messages wait for their commit, that they are not forgotten."""
        while True:
            await asyncio.sleep(consumer.ack_seconds / 3)
            for delivered in [*self._waiting.values()]:
                await _quietly(delivered.message.in_progress())

    async def _give_back(self, client: Client, consumer: ReadyConsumer) -> None:
        """Have the server give what is not committed to the next who asks.

        First nobody listens any more: else it might answer a fetch of ours, which nobody would read, with it.
        """
        await _quietly(consumer.subscription.unsubscribe())
        await _quietly(client.flush(timeout=_FLUSH_SECONDS))
        for delivered in self._waiting.values():
            await _quietly(delivered.message.nak())
        await _quietly(client.flush(timeout=_FLUSH_SECONDS))


async def _quietly(answer: object) -> None:
    """Send an answer; where the connection is gone, the server asks again."""
    with suppress(Error, OSError, TimeoutError):
        await answer  # type: ignore[misc]  # a coroutine of the client's


def _gone(error: Exception, where: str) -> SourceError:
    text = str(error).removeprefix("nats: ") or type(error).__name__
    hint = "see what the NATS server says; it is tried again, and nothing is lost that the stream keeps"
    return SourceError(f"the stream cannot be read: {text}", where=where, hint=hint)
