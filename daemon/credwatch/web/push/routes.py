"""The endpoints that shippers push to, and what each answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from credwatch.sources.push.bulk import BULK
from credwatch.sources.push.json_lines import JSON_LINES
from credwatch.sources.push.loki import LOKI
from credwatch.sources.push.otlp import OTLP
from credwatch.sources.push.pushed import PushDialect
from credwatch.web.push.batches import BatchEndpoint
from credwatch.web.push.desk import PushDesk
from credwatch.web.push.probes import probe_routes
from credwatch.web.push.upload import JournalUpload

DIALECTS: dict[str, PushDialect] = {
    "/lines": JSON_LINES,
    "/_bulk": BULK,
    "/{index}/_bulk": BULK,
    "/v1/logs": OTLP,
    "/loki/api/v1/push": LOKI,
}
"""What is written to each path."""


def push_app(desk: PushDesk) -> Starlette:
    """Build the application described in `docs/sources.md`; where lines come in, each request is answered by `desk`."""
    routes = [Route(path, _pushed(desk, dialect), methods=["POST"]) for path, dialect in DIALECTS.items()]
    routes += [
        Route("/batch", BatchEndpoint(desk).taken, methods=["POST"]),
        Route("/upload", JournalUpload(desk).taken, methods=["POST"]),
        *probe_routes(desk),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_such_place})


def _pushed(desk: PushDesk, dialect: PushDialect) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await desk.taken(request, dialect)

    return endpoint


async def _no_such_place(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    paths = ", ".join(f"POST {path}" for path in (*DIALECTS, "/batch", "/upload"))
    return JSONResponse({"error": f"no such endpoint or method; there are {paths}"}, status_code=status)
