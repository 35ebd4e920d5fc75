"""Where the pages are served, and what browsers may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette

from credwatch.web.bounded_http import Bounds
from credwatch.web.portal.options import PortalOptions
from credwatch.web.serving import ServedPlace, serve_at


async def serve_portal(
    app: Starlette, options: PortalOptions, *, stop: asyncio.Event, listening: Callable[[str], None]
) -> None:
    """Serve until `stop` is set or the task is cancelled; then answer what was asked.

    `listening` is told where once browsers can connect. Raises ConfigurationError where it cannot listen.
    """
    place = ServedPlace("portal", _bounds(options), options.address, options.port, options.socket, options.socket_group)
    await serve_at(place, app, stop=stop, listening=listening)


def _bounds(options: PortalOptions) -> Bounds:
    """Behind a proxy all connections come from one address, or one process, so that one may have all of them."""
    some = options.connections
    return Bounds(head_seconds=5, request_seconds=60, connections=some, of_one_user=some, of_one_process=some)
