"""A TCP port that a server inside the daemon's event loop has, from its opening to its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from credwatch.kernel.errors import ConfigurationError
from credwatch.web.inner_server import BACKLOG, InnerServer


def listening_at(host: str, port: int, table: str) -> socket.socket:
    """Listen on an address of the machine; raises ConfigurationError at the table of the settings that names it."""
    try:
        return _opened(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            where=table,
            hint=f"another program may use the port; choose another one ({table}.port), or 0 for any that is free",
        ) from error


def _opened(host: str, port: int) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    opened = socket.socket(family, kind)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


async def serve_until(
    stop: asyncio.Event, server: InnerServer, listener: socket.socket, listening: Callable[[str, int], None]
) -> None:
    """Serve until `stop` is set or the task is cancelled; then answer what was asked, and give the port back.

    `listening` is told host and port once clients can connect.
    """
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        listening(*listener.getsockname()[:2])
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        try:
            await serving
        finally:
            listener.close()
