"""The part that serves the customers' pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from starlette.applications import Starlette

from credwatch.service.parts.serving import ServingPart
from credwatch.web.portal.options import PortalOptions
from credwatch.web.portal.server import serve_portal

log = structlog.get_logger(__name__)


def portal_part(app: Callable[[], Starlette], options: PortalOptions) -> ServingPart:
    """Build the part; it listens on a socket or a port, whichever is configured."""

    async def serve(portal: Starlette, stop: asyncio.Event, started: asyncio.Event) -> None:
        def listening(place: str) -> None:
            log.info("portal.listening", at=place, url=options.public_url)
            started.set()

        await serve_portal(portal, options, stop=stop, listening=listening)

    return ServingPart("portal", app, serve)
