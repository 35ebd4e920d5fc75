"""Serves the push endpoints on a TCP port inside the daemon's own event loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from credwatch.sources.network_options import PushOptions
from credwatch.sources.tls import server_context
from credwatch.web.bounded_http import Bounds
from credwatch.web.inner_server import BACKLOG, InnerServer, server_config
from credwatch.web.push.connection import shippers
from credwatch.web.tcp_port import listening_at, serve_until

_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75
"""So long requests under way may go on at the end; the lines that they brought are committed meanwhile."""


async def serve_push(
    app: Starlette, options: PushOptions, *, stop: asyncio.Event, listening: Callable[[int], None]
) -> None:
    """Serve until `stop` is set or the task is cancelled; then answer what was asked.

    `listening` is told the port once shippers can connect. Raises ConfigurationError where the port cannot be had or a
    certificate cannot be used. Signals stay with the daemon.
    """
    context = server_context(options)
    listener = listening_at(options.address, options.port, "push")
    server = _PushServer(_config(app, options), context, options.head_seconds)
    await serve_until(stop, server, listener, lambda _, port: listening(port))


class _PushServer(InnerServer):
    def __init__(self, config: uvicorn.Config, context: ssl.SSLContext | None, handshake_seconds: float) -> None:
        super().__init__(config)
        self._context = context
        self._handshake_seconds = handshake_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen as uvicorn does, but give up a handshake that is too slow."""
        await self.lifespan.startup()
        config, state = self.config, self.server_state

        def connection() -> asyncio.Protocol:
            made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]  # ours, as `shippers` made it
                config=config, server_state=state, app_state=self.lifespan.state
            )
            return made

        handshake = self._handshake_seconds if self._context else None
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                connection, sock=opened, ssl=self._context, backlog=BACKLOG, ssl_handshake_timeout=handshake
            )
            for opened in sockets or ()
        ]
        self.started = True


def _config(app: Starlette, options: PushOptions) -> uvicorn.Config:
    bounds = Bounds(
        head_seconds=options.head_seconds,
        request_seconds=options.request_seconds,
        connections=options.connections,
        of_one_user=options.connections_of_one,
        of_one_process=options.connections_of_one,
        head_bytes=16 * 1024,
    )
    return server_config(
        app, shippers(bounds), head_bytes=bounds.head_bytes, keep_alive=_KEEP_ALIVE_SECONDS, grace=_GRACE_SECONDS
    )
