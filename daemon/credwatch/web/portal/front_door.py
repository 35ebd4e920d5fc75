"""Stands before every page: refuses what is not for us or too much, reads forms, knows sessions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import CredwatchError
from credwatch.store.database import Database
from credwatch.store.portal import sessions
from credwatch.store.portal.sessions import LiveSession, Stage
from credwatch.web.portal import browser
from credwatch.web.portal.guard import HEADERS, CpuShare, is_for_us, pace_key, visitor_address
from credwatch.web.portal.interface import CustomerContact, PortalDesk
from credwatch.web.portal.look import LANGUAGES, Look
from credwatch.web.portal.options import PortalOptions
from credwatch.web.portal.visit import BadForm, Page, Upload, Visit, language_of, read_form
from credwatch.web.push.pace import Pace

_log = structlog.get_logger(__name__)

_THREADS = 2
_MOST_WAITING = 64
_SECONDS = 20
_BODY_SECONDS = 60

OnVisit = Callable[[str], None]
"""Told of each answer: ok, refused, failed, or limited."""


class FrontDoor:
    """Takes requests in, hands visits to pages, and gives every answer its headers."""

    def __init__(
        self, options: PortalOptions, desk: PortalDesk, database: Database, look: Look, clock: Clock, on_visit: OnVisit
    ) -> None:
        self.options = options
        self.desk = desk
        self.database = database
        self.look = look
        self.clock = clock
        self._on_visit = on_visit
        self._cpu = CpuShare(options.cpu_share)
        self._pace = Pace(options.requests_per_minute / 60, options.requests_per_minute)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="portal")
        self._waiting = 0

    def close(self) -> None:
        """Let the threads go; what they work on is finished."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def opened(self, page: Page, *, needs: Stage | None = None) -> Callable[[Request], Awaitable[Response]]:
        """Make an endpoint of a page; `needs` says how far its visitors must have logged in."""

        async def endpoint(request: Request) -> Response:
            response = self._refused(request) or await self._answered(
                request, lambda visit: self._let(visit, page, needs)
            )
            self._on_visit(_outcome(response))
            return _with_headers(response)

        return endpoint

    def opened_to_programs(
        self, answer: Callable[[Request, str, bytes], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Make an endpoint of the HTTP API, which has neither cookies nor forms: it gets address and body."""

        async def endpoint(request: Request) -> Response:
            response = self._refused(request)
            if response is None:
                address = visitor_address(request, self.options)
                response = await self._worked(request, lambda body: answer(request, address, body))
            self._on_visit(_outcome(response))
            return _with_headers(response)

        return endpoint

    def page(self, visit: Visit, name: str, values: dict[str, Any] | None = None, status: int = 200) -> HTMLResponse:
        """Answer with a page."""
        common = {
            "form": browser.form_token(visit.browser),
            "contact": self.contact_of(visit),
            "path": visit.request.url.path,
            "other": next(language for language in LANGUAGES if language != visit.language),
        }
        return HTMLResponse(self.look.page(name, visit.language, common | (values or {})), status)

    def refusal(self, visit: Visit, reason: str, status: int) -> HTMLResponse:
        """Answer with a page that says why not."""
        return self.page(visit, "refusal", {"reason": reason}, status)

    def contact_of(self, visit: Visit) -> CustomerContact | None:
        """Say who is logged in, in full; None for anybody else, and for a contact who is one no more."""
        session = visit.session
        if session is None or session.stage is not Stage.FULL:
            return None
        return self.desk.contact(session.customer, session.address)

    def _refused(self, request: Request) -> Response | None:
        """Refuse what costs nothing to refuse."""
        if not is_for_us(request, self.options):
            return PlainTextResponse("This host is not served here.\n", 421)
        key = pace_key(visitor_address(request, self.options))
        if wait := self._pace.wait_of(key) or self._cpu.wait():
            text = (
                "Quá nhiều yêu cầu, vui lòng thử lại sau giây lát.\nToo many requests; please come back in a moment.\n"
            )
            return PlainTextResponse(text, 429, headers={"Retry-After": str(math.ceil(wait))})
        self._pace.take(key)
        return None

    async def _answered(self, request: Request, page: Page) -> Response:
        return await self._worked(request, lambda body: self._visited(request, body, page))

    async def _worked(self, request: Request, work: Callable[[bytes], Response]) -> Response:
        """Read the body, and make the answer on one of the threads."""
        if self._waiting >= _MOST_WAITING:
            return _unavailable()
        self._waiting += 1
        try:
            body = await self._body(request)
            if body is None:
                return PlainTextResponse("The request is too large, or too slow.\n", 413)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(_SECONDS):
                return await loop.run_in_executor(self._pool, lambda: self._cpu.measured(lambda: work(body)))
        except ClientDisconnect:
            return Response(status_code=499)
        except TimeoutError:
            _log.error("portal.timeout", seconds=_SECONDS)
            return _unavailable()
        except CredwatchError as error:
            _log.error("portal.failed", where=error.where, problem=error.message)
            return _unavailable()
        except Exception as error:  # noqa: BLE001  # a mistake of ours must not end the daemon; its text may quote a visitor
            _log.error("portal.failed", problem=type(error).__name__)
            return _unavailable()
        finally:
            self._waiting -= 1

    async def _body(self, request: Request) -> bytes | None:
        most, body = self.options.body_bytes, bytearray()
        if request.method != "POST":
            return b""
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            return None
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for piece in request.stream():
                    body += piece
                    if len(body) > most:
                        return None
        except TimeoutError:
            return None
        return bytes(body)

    def _visited(self, request: Request, body: bytes, page: Page) -> Response:
        binding = browser.token_in(request, browser.BROWSER)
        session = self._session(request)
        language = language_of(request, request.cookies.get(browser.LANGUAGE, ""))
        visit = Visit(request, visitor_address(request, self.options), language, binding or browser.new_token())
        visit.session = session
        response = self._read(visit, body) or page(visit)
        if not binding:
            browser.remember(response, browser.BROWSER, visit.browser)
        if request.query_params.get("language", "") in LANGUAGES:
            browser.remember_language(response, language)
        return response

    def _read(self, visit: Visit, body: bytes) -> Response | None:
        """Read the form of a visit; return the refusal where it is none of ours."""
        if visit.request.method != "POST":
            return None
        fields: dict[str, list[str]]
        uploads: tuple[Upload, ...]
        try:
            fields, uploads = read_form(visit.request.headers.get("content-type", ""), body)
        except BadForm:
            return self.refusal(visit, "bad_form", 400)
        visit.fields, visit.uploads = fields, uploads
        if not browser.is_our_form(visit.request, visit.first("form"), self.options):
            return self.refusal(visit, "old_form", 403)
        return None

    def _session(self, request: Request) -> LiveSession | None:
        token = browser.token_in(request, browser.SESSION)
        if not token:
            return None
        now = self.clock()
        with self.database.reading() as connection:
            session = sessions.session_of(connection, browser.digest(token), now, self.options.idle)
        if session is not None and (now - session.seen_at).total_seconds() > _TOUCH_SECONDS:
            with self.database.writing() as connection:
                sessions.touch_session(connection, session.id, now)
        return session

    def _let(self, visit: Visit, page: Page, needs: Stage | None) -> Response:
        """Let a visit in to a page that needs a log-in, or send it to the way there."""
        if needs is None:
            return page(visit)
        if visit.session is None or self.desk.contact(visit.session.customer, visit.session.address) is None:
            return RedirectResponse("/login", 303)
        if needs is Stage.FULL and visit.session.stage is not Stage.FULL:
            return RedirectResponse("/login/second", 303)
        return page(visit)


_TOUCH_SECONDS = 30
"""A session in use is noted so often, not with each request."""


def _unavailable() -> Response:
    text = (
        "Trang tạm thời không phục vụ được, vui lòng thử lại.\nThe page cannot be served just now; please try again.\n"
    )
    return PlainTextResponse(text, 503, headers={"Retry-After": "5"})


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _outcome(response: Response) -> str:
    status = response.status_code
    if status in (429, 503):
        return "limited" if status == 429 else "failed"
    return "refused" if status >= 400 else "ok"
