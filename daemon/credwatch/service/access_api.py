"""Puts the endpoints for ticket systems together, as a part of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from starlette.applications import Starlette

from credwatch.app.settings import Settings
from credwatch.kernel.account import Account
from credwatch.kernel.clock import Clock
from credwatch.kernel.secret import Secret
from credwatch.policy.events import Caller
from credwatch.policy.gate import Gate
from credwatch.policy.totp import MfaOutcome
from credwatch.service.parts.interface import LivingPart
from credwatch.service.parts.serving import ServingPart
from credwatch.web.access.interface import AccessDecisions
from credwatch.web.access.options import AccessApiOptions
from credwatch.web.access.routes import OnRequest, access_app
from credwatch.web.bounded_http import Bounds
from credwatch.web.serving import ServedPlace, serve_at

log = structlog.get_logger(__name__)


def access_parts(
    settings: Settings, desk: AccessDecisions, gate: Callable[[], Gate], clock: Clock, on_request: OnRequest
) -> list[LivingPart]:
    """Make the part that answers ticket systems; none where the endpoints are switched off.

    `gate` makes what looks at codes, at each start of the part.
    """
    options = settings.access_api

    def app() -> Starlette:
        codes = gate()

        def check(account: Account, code: Secret) -> MfaOutcome:
            return codes.verify(Caller(account), code).outcome

        return access_app(options, desk, check, clock, on_request)

    async def serve(api: Starlette, stop: asyncio.Event, started: asyncio.Event) -> None:
        def listening(place: str) -> None:
            log.info("access_api.listening", at=place)
            started.set()

        await serve_at(place_of(options), api, stop=stop, listening=listening)

    return [ServingPart("access_api", app, serve)] if options.enabled else []


def place_of(options: AccessApiOptions) -> ServedPlace:
    """Say where the endpoints are: on the socket, unless a port is named; one system may have all connections."""
    some = options.connections
    bounds = Bounds(head_seconds=5, request_seconds=60, connections=some, of_one_user=some, of_one_process=some)
    socket = options.socket if options.port is None else None
    return ServedPlace("access_api", bounds, options.address, options.port or 0, socket, options.socket_group)
