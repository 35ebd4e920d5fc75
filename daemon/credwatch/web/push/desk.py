"""Takes requests of shippers in: who pushes, what it sends, and the answer once its lines are committed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import TypeVar

import structlog
from msgspec import Struct
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from credwatch.kernel.clock import Clock
from credwatch.sources.network_options import PushOptions, PushSourceOptions
from credwatch.sources.push.pushed import PushAnswer, PushDialect, PushedLines
from credwatch.sources.push.refused import RequestRefused
from credwatch.sources.push.tokens import Tokens, token_in
from credwatch.sources.push.unpacking import unpacked
from credwatch.sources.received.intake import MOST_SHIPPED_LOGS, OTHERS, Intake
from credwatch.sources.received.parcel import LAST_LINE_SECONDS, Parcel
from credwatch.sources.shipped.batch import BatchRefused, LogBatch
from credwatch.sources.shipped.parcels import batch_parcel, digest_parcel
from credwatch.web.push.connection import SHIPPER, Shipper
from credwatch.web.push.pace import Pace

_log = structlog.get_logger(__name__)

_FAILURES_PER_SECOND, _FAILURES_AT_ONCE = 0.2, 20
"""So often one address may come with a wrong token."""

_AT_ONCE = 2
"""So many bodies are unpacked and read at a time, for each may be large."""

_RETRY_SECONDS = 5

T = TypeVar("T")

OnPushed = Callable[[str, str, int], None]
"""Told of each request: the source, empty where nobody knows it; the outcome; how many records were not taken."""


class PushedRequest(Struct, frozen=True):
    """A request as far as it was read."""

    source: PushSourceOptions
    """To whom it is pushed."""
    pushed: PushedLines
    """What it brought."""
    digest: str
    """By which a repeat is known."""
    media_type: str
    """What it said its body is."""


class PushDesk:
    """Answers requests; the lines of each wait in the intake of its source."""

    def __init__(
        self,
        options: PushOptions,
        sources: Mapping[str, PushSourceOptions],
        intakes: Mapping[str, Intake],
        clock: Clock,
        *,
        on_pushed: OnPushed = lambda _source, _outcome, _refused: None,
    ) -> None:
        self._options = options
        self._sources = sources
        self._intakes = intakes
        self._clock = clock
        self.on_pushed = on_pushed
        self.elasticsearch_version = options.elasticsearch_version
        self._tokens = Tokens({name: source.token_hashes for name, source in sources.items()})
        self._by_name = {name: source.id for source in sources.values() for name in source.client_names}
        self._failures = Pace(_FAILURES_PER_SECOND, _FAILURES_AT_ONCE)
        self._requests = Pace(options.requests_per_second, options.requests_per_second)
        self._reading, self._hashing = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(1)

    async def taken(self, request: Request, dialect: PushDialect) -> Response:
        """Take one request, and answer it when everything that it brought is committed."""
        name = ""
        try:
            name = await self.pusher(request)
            asked = await self._understood(request, self._sources[name], dialect)
            return await self._kept(request, asked, dialect)
        except RequestRefused as error:
            self.told(name, error)
            return refusal(error)
        except ClientDisconnect:
            self.on_pushed(name, "gone", 0)
            return Response(status_code=499)

    async def pusher(self, request: Request) -> str:
        """Say to which source a request is pushed; raises RequestRefused where nobody believes it."""
        shipper: Shipper = request.scope[SHIPPER]
        for name in shipper.names:
            if name in self._by_name:
                return self._paced(self._by_name[name])
        token = token_in(request.headers.get("authorization", ""))
        if token is None:
            raise RequestRefused(401, "send the token of a source: as a Bearer token, or as the password of Basic")
        source = self._tokens.remembered(token)
        if not source and (wait := self._failures.wait_of(shipper.address)):
            raise RequestRefused(429, "too many wrong tokens from this address", retry_seconds=math.ceil(wait))
        if source is None:
            async with self._hashing:
                source = await asyncio.to_thread(self._tokens.source_of, token)
        if not source:
            self._failures.take(shipper.address)
            raise RequestRefused(401, "no source has this token")
        return self._paced(source)

    def _paced(self, source: str) -> str:
        if wait := self._requests.wait_of(source):
            raise RequestRefused(429, "too many requests; send larger batches", retry_seconds=math.ceil(wait))
        self._requests.take(source)
        return source

    async def _understood(self, request: Request, source: PushSourceOptions, dialect: PushDialect) -> PushedRequest:
        self.has_room(source.id)
        body = await self.body(request)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding, most = request.headers.get("content-encoding", ""), self._options.unpacked_bytes
        json_only = source.format == "json"

        def read() -> PushedRequest:
            pushed = dialect.read(unpacked(body, encoding, most), media_type, json_only)
            digest = blake2b(b"\0".join((source.id.encode(), dialect.name.encode(), body)), digest_size=16)
            return PushedRequest(source, pushed, digest.hexdigest(), media_type)

        return await self.apart(read)

    async def body(self, request: Request) -> bytes:
        """Read a body as it is sent; raises RequestRefused where it is too large."""
        most, body = self._options.body_bytes, bytearray()
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            raise _too_large(most)
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise _too_large(most)
        return bytes(body)

    async def _kept(self, request: Request, asked: PushedRequest, dialect: PushDialect) -> Response:
        """Hand the lines over, wait for their commit, and answer."""
        answer = dialect.answer(asked.pushed, asked.media_type)
        response = response_of(answer)
        if data := asked.pushed.data:
            parcel = await self.stored(request, asked.source.id, data, asked.digest)
            response.background = BackgroundTask(self.answered, asked.source.id, parcel)
        refused = len(asked.pushed.refused)
        self.on_pushed(asked.source.id, "taken" if answer.status < 400 else "refused", refused)
        return response

    def has_room(self, source: str) -> None:
        """Raise RequestRefused where too much of a source waits."""
        if not self._intakes[source].has_room():
            raise _busy()

    def parcel_of(self, source: str, batch: LogBatch | BatchRefused, body: bytes) -> Parcel:
        """Make a parcel of a batch; what is none is set aside, in the log of all others."""
        now, intake = self._clock(), self._intakes[source]
        if isinstance(batch, LogBatch):
            parcel = batch_parcel(batch, lambda name: intake.file_of(name, MOST_SHIPPED_LOGS), now, waits=False)
            if parcel.file != OTHERS:
                return parcel
        reason = batch.reason if isinstance(batch, BatchRefused) else "too_many_logs"
        return digest_parcel(body, reason, OTHERS, now)

    @property
    def unpacked_bytes(self) -> int:
        """How large a body may be when it is unpacked."""
        return self._options.unpacked_bytes

    async def apart(self, read: Callable[[], T]) -> T:
        """Have a body read in a thread, of which there are few at a time, for each may be large."""
        async with self._reading:
            return await asyncio.to_thread(read)

    async def answered(self, source: str, *parcels: Parcel) -> None:
        """Take note that a shipper was told that these are committed."""
        for parcel in parcels:
            self._intakes[source].answered(parcel)

    def keep_last(self, source: str, parcel: Parcel) -> None:
        """Keep the last line of what was answered in mind, by the digest and size of a parcel that begins with it."""
        digest, size = parcel.last_line
        self._intakes[source].keep_last(parcel.file, (digest, parcel.moment + LAST_LINE_SECONDS, size))

    def unanswered(self, source: str, parcels: Iterable[Parcel]) -> None:
        """Take note that a shipper was not told of them, and will send them again."""
        for parcel in parcels:
            self._intakes[source].abandon(parcel)

    def told(self, source: str, error: RequestRefused) -> None:
        """Count a request that was not taken."""
        self.on_pushed(source, _OUTCOMES.get(error.status, "refused"), 0)

    async def stored(
        self,
        request: Request,
        source: str,
        data: bytes,
        digest: str,
        *,
        is_over: bool = True,
        last_line: tuple[str, int] | None = None,
    ) -> Parcel:
        """Keep lines, and return when they are committed; raises RequestRefused where that cannot be now.

        `last_line`, digest and size, is of what may come again alone; then an equal digest is always a repeat.
        `is_over` says that the body was read to its end; only then is it seen that the shipper goes away meanwhile,
        which raises ClientDisconnect.
        """
        shipper: Shipper = request.scope[SHIPPER]
        file = self._intakes[source].file_of(shipper.address)
        parcel = Parcel(file, data, digest, self._clock())
        if last_line is not None:
            parcel.is_identified, parcel.last_line = True, last_line
        return await self.committed(request, source, parcel, is_over=is_over)

    async def committed(self, request: Request, source: str, parcel: Parcel, *, is_over: bool = True) -> Parcel:
        """Keep a parcel, as `stored` does."""
        intake, loop, done = self._intakes[source], asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waits
                loop.call_soon_threadsafe(done.set)

        parcel.on_committed = tell
        offered = intake.offer(parcel)
        if offered is None:
            raise _busy()
        waits = [asyncio.create_task(done.wait()), *([asyncio.create_task(_disconnected(request))] if is_over else [])]
        try:
            await asyncio.wait(waits, timeout=self._options.commit_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone = is_over and waits[-1].done()
            if gone or not done.is_set():
                intake.abandon(offered)
            for wait in waits:
                wait.cancel()
        if gone:
            raise ClientDisconnect
        if not done.is_set():
            raise RequestRefused(503, "not stored yet; send it again", retry_seconds=_RETRY_SECONDS)
        return offered


_OUTCOMES = {401: "unknown", 413: "too_large", 429: "busy", 503: "late"}
"""What metrics call a refusal."""


def refusal(error: RequestRefused) -> Response:
    """Answer with why a request is not taken."""
    headers = {"Retry-After": str(error.retry_seconds)} if error.retry_seconds else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="credwatch"'
    return JSONResponse({"error": error.message}, status_code=error.status, headers=headers)


def response_of(answer: PushAnswer) -> Response:
    """Write an answer."""
    if answer.content is not None:
        return JSONResponse(answer.content, status_code=answer.status)
    return Response(
        answer.raw, status_code=answer.status, media_type=None if answer.status == 204 else answer.media_type
    )


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _busy() -> RequestRefused:
    return RequestRefused(429, "too much waits to be stored; send it again", retry_seconds=_RETRY_SECONDS)


def _too_large(most: int) -> RequestRefused:
    return RequestRefused(413, f"the body has more than {most} bytes; send smaller batches")
