"""The part that answers applications: the gate on its Unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette

from credwatch.policy.options import GateOptions
from credwatch.service.parts.serving import ServingPart
from credwatch.web.unix_socket import serve_gate


def gate_part(app: Callable[[], Starlette], options: GateOptions) -> ServingPart:
    """Build the part; where its socket is taken away, it ends and begins again with a new one."""

    async def serve(gate: Starlette, stop: asyncio.Event, started: asyncio.Event) -> None:
        await serve_gate(gate, options.socket, stop=stop, group=options.socket_group, started=started)

    return ServingPart("gate", app, serve)
