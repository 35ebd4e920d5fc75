"""Listens for syslog, and hands what comes to the intake of its source."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from contextlib import suppress
from itertools import count
from secrets import token_hex

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import ConfigurationError
from credwatch.sources.network_options import SyslogSourceOptions
from credwatch.sources.received.intake import Intake
from credwatch.sources.received.parcel import Parcel
from credwatch.sources.syslog.datagrams import Datagrams
from credwatch.sources.syslog.framing import Frames, line_of
from credwatch.sources.syslog.sequence import Sequences
from credwatch.sources.tls import names_in, server_context

_PIECE_BYTES = 65_536
_HANDSHAKE_SECONDS = 10.0
_ROOM_SECONDS = 0.05
"""How long a connection waits before it looks again whether there is room."""


class SyslogReceiver:
    """The listeners of one source, in the event loop that starts them."""

    def __init__(self, options: SyslogSourceOptions, intake: Intake, clock: Clock) -> None:
        self._options = options
        self._intake = intake
        self._clock = clock
        # Cursors outlive us: what came to the next process must never look like what came to us.
        self._unique = token_hex(16)
        self._numbers = count()
        self._sequences = Sequences()
        self._servers: list[asyncio.Server] = []
        self._datagrams: Datagrams | None = None
        self._connections: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> dict[str, int]:
        """Listen, and say on which ports; raises ConfigurationError, and then nothing listens."""
        options, ports = self._options, dict[str, int]()
        where = f"source {options.id}"
        context = server_context(options, where, must_have_client=True)
        try:
            for way, port, tls in (("tcp", options.tcp_port, None), ("tls", options.tls_port, context)):
                if port is not None:
                    ports[way] = await self._serve(port, tls)
            if options.udp_port is not None:
                self._datagrams = Datagrams(options.address, options.udp_port, self._intake, self._received)
                ports["udp"] = self._datagrams.port
        except OSError as error:
            await self.stop()
            raise ConfigurationError(
                f"cannot listen on {options.address}: {error.strerror or error}",
                where=where,
                hint="another program may use the port; choose other ones",
            ) from error
        return ports

    def is_alive(self) -> bool:
        """Tell whether every listener listens."""
        return all(server.is_serving() for server in self._servers)

    async def stop(self) -> None:
        """Give the ports back, and close the connections; what came is in the intake."""
        if self._datagrams is not None:
            self._datagrams.close()
        for server in self._servers:
            server.close()
        for task in (*self._tasks,):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._servers, self._datagrams = [], None

    async def _serve(self, port: int, tls: ssl.SSLContext | None) -> int:
        server = await asyncio.start_server(
            self._connected,
            self._options.address,
            port,
            ssl=tls,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if tls else None,
            limit=_PIECE_BYTES,
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = str(writer.get_extra_info("peername")[0]).removeprefix("::ffff:")
        if not self._may_come(sender, writer):
            self._intake.refused += 1
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._connections[sender] += 1
        try:
            await self._read(reader, sender)
        finally:
            self._connections -= Counter([sender])
            self._tasks.discard(task)
            writer.transport.abort()

    def _may_come(self, sender: str, writer: asyncio.StreamWriter) -> bool:
        options, tls = self._options, writer.get_extra_info("ssl_object")
        names = names_in((tls.getpeercert() if tls is not None else None) or {})
        if tls is not None and options.client_names and not set(names).intersection(options.client_names):
            return False
        is_one_too_many = self._connections[sender] >= options.connections_of_one
        return not is_one_too_many and self._connections.total() < options.connections

    async def _read(self, reader: asyncio.StreamReader, sender: str) -> None:
        """Read messages until the connection ends, is idle for too long, or breaks."""
        frames = Frames(self._options.message_bytes)
        with suppress(TimeoutError, OSError, ssl.SSLError):
            while piece := await asyncio.wait_for(reader.read(_PIECE_BYTES), self._options.idle_seconds):
                before = frames.cut
                await self._kept(sender, frames.messages(piece))
                self._intake.cut_lines += frames.cut - before
        await self._kept(sender, [frames.rest()])

    async def _kept(self, sender: str, messages: list[bytes]) -> None:
        """Hand messages over; where there is no room, wait, so that the sender has to wait too."""
        parcel = self._parcel(sender, messages)
        while parcel.data and self._intake.offer(parcel) is None:  # noqa: ASYNC110  # a commit sets no event here
            await asyncio.sleep(_ROOM_SECONDS)

    def _received(self, sender: str, messages: list[bytes]) -> None:
        """Hand over what came in datagrams, for which there is room."""
        parcel = self._parcel(sender, messages)
        if parcel.data:
            self._intake.offer(parcel, must=True)

    def _parcel(self, sender: str, messages: list[bytes]) -> Parcel:
        self._intake.gaps = max(self._intake.gaps + sum(self._sequences.missing(sender, text) for text in messages), 0)
        return Parcel(
            file=self._intake.file_of(sender),
            data=b"".join(map(line_of, messages)),
            digest=f"{self._unique}.{next(self._numbers):x}",
            received_at=self._clock(),
            is_answered=True,
        )
