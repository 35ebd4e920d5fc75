"""HTTP/1.1 with bounds that the server library has not: no client holds a connection by waiting, or all of them.

uvicorn gives up a connection that is idle between requests, but waits without end for the rest of a request's head:
a client that sends a byte a second keeps its connection for hours.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from typing import Any, cast

import h11
from msgspec import Struct
from uvicorn.protocols.http.h11_impl import H11Protocol

_PEER = struct.Struct("3i")


class Bounds(Struct, frozen=True):
    """What the clients of one socket may take."""

    head_seconds: float = 5.0
    """Longest time for the head of a request, from its first byte, or from the connection on."""
    request_seconds: float = 130.0
    """Longest time from the head of a request to the last byte of its answer: twice the longest the gate may take."""
    connections: int = 256
    """Connections that are served at a time; as many again are told that the gate is busy, and more are closed."""
    of_one_user: int = 192
    """How many of them one user of the system may have."""
    of_one_process: int = 64
    """How many of them one process may have, as it was when it connected."""
    head_bytes: int = 8 * 1024
    """Longest head of a request."""


class BoundedHttp(H11Protocol):
    """One connection that keeps its bounds; `bounds` is set by `bounded`."""

    bounds = Bounds()

    _timer: asyncio.TimerHandle | None = None
    _watched: object = None
    """The request whose answer the timer waits for; None while it waits for a head."""
    peer: tuple[object, object] = (0, 0)
    """Process and user at the other end, or what stands for them."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection in, to be served, told that the gate is busy, or closed."""
        super().connection_made(transport)
        self.peer = self.peer_of(transport)
        self._start(self.bounds.head_seconds, self._head_late)
        if len(self.connections) > 2 * self.bounds.connections:
            transport.abort()
        elif self._too_many():
            self.app = _busy

    def peer_of(self, transport: asyncio.Transport) -> tuple[object, object]:
        """Say who is at the other end."""
        return _peer(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the timer go with the connection."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; the first byte of a head starts its time, and no later one does."""
        if self._timer is None:
            self._start(self.bounds.head_seconds, self._head_late)
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, or go on with one that is there already."""
        self._stop()
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or has too long a head, as the gate refuses everything: in JSON."""
        self._refuse("400 Bad Request", "bad_request", msg)

    def _too_many(self) -> bool:
        served = [cast("BoundedHttp", other) for other in self.connections if other is not self]
        peers = [other.peer for other in served]
        return (
            len(peers) >= self.bounds.connections
            or sum(user == self.peer[1] for _, user in peers) >= self.bounds.of_one_user
            or peers.count(self.peer) >= self.bounds.of_one_process
        )

    def _watch(self) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and self._watched is not cycle:
            self._start(self.bounds.request_seconds, self.transport.abort)
            self._watched = cycle

    def _start(self, seconds: float, late: Callable[[], None]) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, late)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._watched = None

    def _head_late(self) -> None:
        self._refuse("408 Request Timeout", "bad_request", "the head of the request did not arrive in time")

    def _refuse(self, status: str, code: str, message: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = _refusal(code, message)
            head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            self.transport.write(f"{head}connection: close\r\n\r\n".encode("ascii") + body)
        self.transport.close()


def bounded(limits: Bounds) -> type[BoundedHttp]:
    """Return the protocol with the given bounds, as uvicorn takes a class."""
    return type("BoundedHttp", (BoundedHttp,), {"bounds": limits})


async def _busy(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer that there are too many connections; whom the question is about was not read, so nothing is accepted."""
    body = _refusal("busy", "too many connections at a time; nothing was accepted, ask again")
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(b"connection", b"close"), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _refusal(code: str, message: str) -> bytes:
    error = {"code": code, "message": message, "fields": []}
    undecided = {"undecided": "busy", "on_failure": "refuse"} if code == "busy" else {}
    return json.dumps({"accepted": False, **undecided, "error": error}).encode("ascii")


def _peer(transport: asyncio.Transport) -> tuple[int, int]:
    connection = transport.get_extra_info("socket")
    process, user, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return process, user
