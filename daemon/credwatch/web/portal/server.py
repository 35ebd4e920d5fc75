"""Serves the pages on a TCP port or a Unix socket inside the daemon's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette

from credwatch.web.bounded_http import Bounds
from credwatch.web.inner_server import InnerServer, server_config
from credwatch.web.portal.options import PortalOptions
from credwatch.web.push.connection import shippers
from credwatch.web.tcp_port import listening_at, serve_until
from credwatch.web.unix_socket import serve_gate

_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 30


async def serve_portal(
    app: Starlette, options: PortalOptions, *, stop: asyncio.Event, listening: Callable[[str], None]
) -> None:
    """Serve until `stop` is set or the task is cancelled; then answer what was asked.

    `listening` is told where once browsers can connect. Raises ConfigurationError where it cannot listen.
    """
    if options.socket is not None:
        await _serve_on_socket(app, options, options.socket, stop, listening)
        return
    listener = listening_at(options.address, options.port, "portal")
    bounds = _bounds(options)
    config = server_config(
        app, shippers(bounds), head_bytes=bounds.head_bytes, keep_alive=_KEEP_ALIVE_SECONDS, grace=_GRACE_SECONDS
    )
    server = InnerServer(config)
    await serve_until(stop, server, listener, lambda host, port: listening(f"{host}:{port}"))


async def _serve_on_socket(
    app: Starlette, options: PortalOptions, path: Path, stop: asyncio.Event, listening: Callable[[str], None]
) -> None:
    started = asyncio.Event()
    serving = asyncio.create_task(
        serve_gate(app, path, stop=stop, group=options.socket_group, started=started, bounds=_bounds(options))
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


def _bounds(options: PortalOptions) -> Bounds:
    """Behind a proxy all connections come from one address, or one process, so that one may have all of them."""
    some = options.connections
    return Bounds(head_seconds=5, request_seconds=60, connections=some, of_one_user=some, of_one_process=some)
