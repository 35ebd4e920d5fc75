"""Serves an application on a TCP port or a Unix socket inside the daemon's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from starlette.applications import Starlette

from credwatch.web.bounded_http import Bounds
from credwatch.web.inner_server import InnerServer, server_config
from credwatch.web.push.connection import shippers
from credwatch.web.tcp_port import listening_at, serve_until
from credwatch.web.unix_socket import serve_gate

_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 30


class ServedPlace(Struct, frozen=True):
    """Where an application is served, and what its clients may take."""

    table: str
    """The table of the settings that says so."""
    bounds: Bounds
    """What its clients may take."""
    address: str
    """The address to listen on."""
    port: int
    """The port; 0 picks a free one."""
    socket: Path | None = None
    """A Unix socket in place of address and port."""
    socket_group: str = ""
    """The group of the socket; empty keeps the daemon's own."""


async def serve_at(
    place: ServedPlace, app: Starlette, *, stop: asyncio.Event, listening: Callable[[str], None]
) -> None:
    """Serve until `stop` is set or the task is cancelled; then answer what was asked.

    `listening` is told where once clients can connect. Raises ConfigurationError where it cannot listen.
    """
    if place.socket is not None:
        await _serve_on_socket(place, app, place.socket, stop, listening)
        return
    listener = listening_at(place.address, place.port, place.table)
    bounds = place.bounds
    config = server_config(
        app, shippers(bounds), head_bytes=bounds.head_bytes, keep_alive=_KEEP_ALIVE_SECONDS, grace=_GRACE_SECONDS
    )
    server = InnerServer(config)
    await serve_until(stop, server, listener, lambda host, port: listening(f"{host}:{port}"))


async def _serve_on_socket(
    place: ServedPlace, app: Starlette, path: Path, stop: asyncio.Event, listening: Callable[[str], None]
) -> None:
    started = asyncio.Event()
    serving = asyncio.create_task(
        serve_gate(app, path, stop=stop, group=place.socket_group, started=started, bounds=place.bounds)
    )
    waiting = asyncio.create_task(started.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if started.is_set():
            listening(str(path))
        await serving
    finally:
        waiting.cancel()
        serving.cancel()
