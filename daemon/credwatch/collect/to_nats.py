"""Hands batches to a stream of NATS JetStream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.errors import Error, MaxPayloadError
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from credwatch.collect.destination import Ship
from credwatch.collect.options import NatsTarget
from credwatch.kernel.errors import SourceError
from credwatch.sources.nats.connection import connected
from credwatch.sources.shipped.batch import ENCODING, LogBatch, headers_of

MESSAGE_ID = "Nats-Msg-Id"
_ANSWER_SECONDS = 10.0
_NO_TOKEN = re.compile(r"[^A-Za-z0-9_-]")


class NatsDestination:
    """Publishes each batch as one message, and waits until the stream has it."""

    def __init__(self, target: NatsTarget, host: str) -> None:
        self._target = target
        self._subject = f"{target.subject}.{_NO_TOKEN.sub('_', host)}"
        self.where = f"nats: {', '.join(target.servers)}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Ship]:
        """Connect, and make the stream where it is missing and may be made."""
        lost = asyncio.Event()
        async with connected(self._target, "nats", lost=lost) as client:
            jetstream = client.jetstream()
            await self._see_stream(jetstream)

            async def ship(batch: LogBatch, packed: bytes) -> None:
                await self._publish(client, jetstream, batch, packed)

            yield ship

    async def asked(self) -> None:
        """See whether a stream has the subject; it was connected to when this is asked."""
        async with connected(self._target, "nats", lost=asyncio.Event()) as client:
            try:
                await client.jetstream().find_stream_name_by_subject(self._subject)
            except NotFoundError as error:
                raise self._no_stream() from error
            except (APIError, Error, TimeoutError) as error:
                raise self._failed(error) from error

    async def _see_stream(self, jetstream: JetStreamContext) -> None:
        target = self._target
        if not target.stream:
            return
        try:
            await jetstream.stream_info(target.stream)
        except NotFoundError as error:
            if not target.make_stream:
                hint = f"make it (nats stream add {target.stream}), or let it be made: make_stream = true"
                raise SourceError(f"there is no stream {target.stream}", where=self.where, hint=hint) from error
            await self._make(jetstream)
        except (APIError, Error, TimeoutError) as error:
            raise self._failed(error) from error

    async def _make(self, jetstream: JetStreamContext) -> None:
        try:
            await jetstream.add_stream(StreamConfig(name=self._target.stream, subjects=[f"{self._target.subject}.>"]))
        except (APIError, Error, TimeoutError) as error:
            raise self._failed(error) from error

    async def _publish(self, client: Client, jetstream: JetStreamContext, batch: LogBatch, packed: bytes) -> None:
        headers = {**headers_of(batch), MESSAGE_ID: batch.key, ENCODING: "zstd"}
        try:
            await jetstream.publish(
                self._subject, packed, timeout=_ANSWER_SECONDS, stream=self._target.stream or None, headers=headers
            )
        except NoStreamResponseError as error:
            raise self._no_stream() from error
        except MaxPayloadError as error:
            hint = f"raise max_payload there, which is {client.max_payload}, or lower batch_bytes here"
            raise SourceError(f"a message of {len(packed)} bytes is too large", where=self.where, hint=hint) from error
        except (APIError, Error, OSError, TimeoutError) as error:
            raise self._failed(error) from error

    def _no_stream(self) -> SourceError:
        hint = f"make a stream with the subject {self._target.subject}.>"
        return SourceError(f"no stream takes {self._subject}", where=self.where, hint=hint)

    def _failed(self, error: Exception) -> SourceError:
        words = error.description if isinstance(error, APIError) else str(error).removeprefix("nats: ")
        hint = "see what the NATS server says; it is tried again"
        return SourceError(f"not taken: {words or type(error).__name__}", where=self.where, hint=hint)
