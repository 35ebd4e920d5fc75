"""What shippers ask before they push, answered as Elasticsearch and Loki would, as far as that lets them go on.

Beats want a version and a licence, and to set up templates, policies and pipelines; here there is nothing to set up.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from credwatch.sources.push.refused import RequestRefused
from credwatch.web.push.desk import PushDesk, refusal

_PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
"""Without it clients of Elastic's since 7.14 refuse to go on."""

_SET_UP = (
    *("/_index_template/{name}", "/_template/{name}", "/_component_template/{name}", "/_ilm/policy/{name}"),
    *("/_ingest/pipeline/{name}", "/_data_stream/{name}", "/_index_template", "/_template"),
)


def probe_routes(desk: PushDesk) -> list[Route]:
    """Build the endpoints; each wants a token, as pushing does."""
    about = {
        "name": "credwatch",
        "cluster_name": "credwatch",
        "cluster_uuid": "credwatch",
        "version": {"number": desk.elasticsearch_version, "build_flavor": "default", "build_type": "unknown"},
        "tagline": "You Know, for Search",
    }
    licence = {"license": {"uid": "credwatch", "type": "basic", "mode": "basic", "status": "active"}}
    answers: dict[str, Any] = {
        "/": about,
        "/_license": licence,
        "/_xpack": {**licence, "features": {}},
        "/_cluster/health": {"cluster_name": "credwatch", "status": "green"},
    }
    return [
        *(Route(path, _answered(desk, content), methods=["GET"]) for path, content in answers.items()),
        *(Route(path, _answered(desk, {"acknowledged": True}), methods=["GET", "PUT", "POST"]) for path in _SET_UP),
        Route("/ready", _ready, methods=["GET"]),
    ]


def _answered(desk: PushDesk, content: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        try:
            await desk.pusher(request)
        except RequestRefused as error:
            return refusal(error)
        return JSONResponse(content, headers=_PRODUCT)

    return endpoint


async def _ready(_request: Request) -> Response:
    """Say that the listener listens; whether lines are stored, each push is told."""
    return Response("ready\n", media_type="text/plain")
