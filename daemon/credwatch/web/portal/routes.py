"""The pages and the endpoints for programs, and what each answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from credwatch.policy.totp import Totp
from credwatch.store.gate import FactorRows
from credwatch.store.portal.sessions import Stage
from credwatch.web.portal.access_pages import AccessPages
from credwatch.web.portal.address_book import AddressPages
from credwatch.web.portal.checking import CheckPages
from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.guard import HEADERS
from credwatch.web.portal.login import LoginPages
from credwatch.web.portal.look import STATIC
from credwatch.web.portal.notices import NoticePages
from credwatch.web.portal.openapi import openapi
from credwatch.web.portal.report_api import ReportApi
from credwatch.web.portal.reporting import ReportPages
from credwatch.web.portal.second_factor import SecondFactorPages
from credwatch.web.portal.visit import Page


def portal_app(door: FrontDoor, totp: Totp, rows: FactorRows) -> Starlette:
    """Build the application described in `docs/portal.md`."""
    check, login = CheckPages(door), LoginPages(door)
    second = SecondFactorPages(door, login, totp, rows)
    notices, addresses, access = NoticePages(door), AddressPages(door), AccessPages(door)
    report, api = ReportPages(door, door.look.zone), ReportApi(door)
    routes = [
        _get(door, "/", check.start),
        _get(door, "/check", check.form),
        _post(door, "/check", check.checked),
        _get(door, "/login", login.form),
        _post(door, "/login", login.asked),
        _get(door, "/login/link/{token}", login.link),
        _post(door, "/login/link/{token}", login.link_taken),
        _get(door, "/login/second", second.page, Stage.LINK),
        _post(door, "/login/code", second.code, Stage.LINK),
        _post(door, "/login/recovery", second.recovery, Stage.LINK),
        _post(door, "/login/app", second.app_new, Stage.LINK),
        _post(door, "/login/app/confirm", second.app_confirmed, Stage.LINK),
        _post(door, "/login/passkey/options", second.key_options, Stage.LINK),
        _post(door, "/login/passkey", second.key, Stage.LINK),
        _post(door, "/logout", login.out),
        _get(door, "/notices", notices.listed, Stage.FULL),
        _get(door, "/notices/{number}", notices.shown, Stage.FULL),
        _post(door, "/notices/{number}", notices.answered, Stage.FULL),
        _get(door, "/notices/{number}/evidence", notices.evidence, Stage.FULL),
        _get(door, "/touches", access.touches, Stage.FULL),
        _post(door, "/access/{request}", access.decided, Stage.FULL),
        _get(door, "/report", report.form),
        _post(door, "/report", report.sent),
        _get(door, "/receipt", report.receipt_form),
        _post(door, "/receipt", report.receipt),
        _get(door, "/addresses", addresses.page, Stage.FULL),
        _post(door, "/addresses", addresses.changed, Stage.FULL),
        _post(door, "/addresses/{change}/cancel", addresses.cancelled, Stage.FULL),
        _get(door, "/stop", addresses.stop_form),
        _post(door, "/stop", addresses.stopped),
        Route("/api/v1/reports", door.opened_to_programs(api.post), methods=["POST"]),
        Route("/api/v1/reports/{number}", door.opened_to_programs(api.get), methods=["GET"]),
        Route("/api/v1/openapi.json", door.opened_to_programs(_described(door)), methods=["GET"]),
        Route("/static/{name}", _static(door), methods=["GET"]),
    ]

    @asynccontextmanager
    async def open_(_app: Starlette) -> AsyncIterator[None]:
        yield
        door.close()

    async def nowhere(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return await door.opened(lambda visit: door.refusal(visit, "not_here", status))(_without_body(request))

    return Starlette(routes=routes, lifespan=open_, exception_handlers={HTTPException: nowhere})


def _described(door: FrontDoor) -> Callable[[Request, str, bytes], Response]:
    return lambda _request, _address, _body: JSONResponse(openapi(door.options))


def _get(door: FrontDoor, path: str, page: Page, needs: Stage | None = None) -> Route:
    return Route(path, door.opened(page, needs=needs), methods=["GET"])


def _post(door: FrontDoor, path: str, page: Page, needs: Stage | None = None) -> Route:
    return Route(path, door.opened(page, needs=needs), methods=["POST"])


def _without_body(request: Request) -> Request:
    """Look at a request as one that asks for a page: nothing of what it brought is read."""
    return Request({**request.scope, "method": "GET"})


def _static(door: FrontDoor) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in STATIC:
            raise HTTPException(404)
        headers = {**HEADERS, "Cache-Control": "public, max-age=3600"}
        return Response(door.look.static[name], media_type=STATIC[name], headers=headers)

    return endpoint
