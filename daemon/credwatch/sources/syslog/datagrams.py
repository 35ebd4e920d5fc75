"""Syslog over UDP, RFC 5426: one message a datagram, and a count of those that the system has dropped."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from credwatch.sources.received.intake import Intake

_RXQ_OVFL = 40
"""SO_RXQ_OVFL of Linux, socket(7): each datagram says how many before it were dropped; Python has no name for it."""

_BUFFER_BYTES = 4 * 1024 * 1024
"""So much is asked for in the system's queue; `net.core.rmem_max` may give less."""

_LONGEST = 65_535
_AT_ONCE = 4096
_COALESCE_SECONDS = 0.05
"""Datagrams are taken so long together, for a parcel costs more than its lines."""

_COUNT = struct.Struct("I")


class Datagrams:
    """Takes datagrams while there is room; those that wait meanwhile, or are dropped, the system keeps or counts."""

    def __init__(self, address: str, port: int, intake: Intake, received: Callable[[str, list[bytes]], None]) -> None:
        """Listen; `received` is given the messages of a sender. Raises OSError."""
        family, kind, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
        self._intake = intake
        self._received = received
        self._dropped = 0
        self._socket = socket.socket(family, kind)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._socket.setsockopt(socket.SOL_SOCKET, _RXQ_OVFL, 1)
            self._socket.setblocking(False)
            self._socket.bind(place)
        except OSError:
            self._socket.close()
            raise
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._socket, self._take)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Take what is there, and give the port back."""
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._socket)
        self._read()
        self._socket.close()

    def _take(self) -> None:
        """Take what came, and look again a little later, so that what comes until then is taken together."""
        self._loop.remove_reader(self._socket)
        if self._intake.has_room():
            self._read()
        self._again = self._loop.call_later(_COALESCE_SECONDS, self._listen)

    def _listen(self) -> None:
        self._loop.add_reader(self._socket, self._take)

    def _read(self) -> None:
        messages: dict[str, list[bytes]] = {}
        for _ in range(_AT_ONCE):
            try:
                message, ancillary, _, sender = self._socket.recvmsg(_LONGEST, socket.CMSG_SPACE(_COUNT.size))
            except OSError:  # nothing is there, or an answer to nothing that we sent
                break
            messages.setdefault(str(sender[0]).removeprefix("::ffff:"), []).append(message)
            self._count(ancillary)
        for name, of_sender in messages.items():
            self._received(name, of_sender)

    def _count(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _RXQ_OVFL):
                dropped = _COUNT.unpack(data[: _COUNT.size])[0]
                self._intake.dropped += (dropped - self._dropped) % (1 << 32)
                self._dropped = dropped
