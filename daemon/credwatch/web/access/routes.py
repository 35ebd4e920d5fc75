"""The endpoints for ticket systems: who comes, whether it may, and what the rules of access make of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from credwatch.kernel.access import AccessForbidden, AccessState
from credwatch.kernel.clock import Clock
from credwatch.policy.gate import CodeCheck
from credwatch.store.cases.access_requests import StoredAccess
from credwatch.web.access.interface import AccessDecisions
from credwatch.web.access.openapi import MOST_LISTED, openapi
from credwatch.web.access.options import AccessApiOptions, AccessScope, TicketSystemOptions
from credwatch.web.access.problems import AccessProblem, problem_answer, refusal
from credwatch.web.access.requests import AskedAccess, SentApproval, SentEnd, SentReview
from credwatch.web.access.told import told_of
from credwatch.web.access.visitors import KnownSystems
from credwatch.web.gate.requests import BadRequest, body_of, understood
from credwatch.web.queues import QuestionQueue, QueueBounds

_BOUNDS = QueueBounds(workers=2, waiting=64, seconds=20)
_BODY_SECONDS = 20
_LONGEST_KEY = 200

B = TypeVar("B", bound=BaseModel)
OnRequest = Callable[[str], None]
"""Told of each answer: ok, refused, limited or failed."""
Answer = Callable[["Question"], JSONResponse]


class Question:
    """One request of a ticket system: who asks, what for, and which body came with it."""

    def __init__(self, request: Request, system: TicketSystemOptions, desk: AccessDecisions, body: bytes) -> None:
        self.request = request
        self.system = system
        self.desk = desk.through(system.id)
        self._body = body

    def sent(self, model: type[B]) -> B:
        """Read the body; raises AccessProblem where it is none of that kind."""
        if self.request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise AccessProblem(415, "bad_request", "send application/json")
        try:
            return understood(self._body, model)
        except BadRequest as error:
            raise AccessProblem(400, "bad_request", error.message, ", ".join(error.fields)) from error

    def stored(self) -> StoredAccess:
        """Return the request for access that the path names; raises AccessProblem where the system may not see it."""
        number = str(self.request.path_params["number"])
        try:
            stored = self.desk.request(number)
        except AccessForbidden as error:
            raise AccessProblem(404, "not_here", "there is no such request") from error
        if not self.sees(stored):
            raise AccessProblem(404, "not_here", "there is no such request")
        return stored

    def sees(self, stored: StoredAccess) -> bool:
        """Say whether the system may know of a request for access."""
        request = stored.request
        is_open = self.system.secret or request.order is None or not self.desk.is_secret(request)
        return self.system.serves(request.customer) and is_open


class AccessApi:
    """Answers ticket systems; each answer is made on a thread, for it reads and writes the store."""

    def __init__(
        self, options: AccessApiOptions, desk: AccessDecisions, check: CodeCheck, clock: Clock, on_request: OnRequest
    ) -> None:
        """Take what looks at codes as the gate does, and what counts the answers."""
        self._options = options
        self._desk = desk
        self._check = check
        self._clock = clock
        self._on_request = on_request
        self._systems = KnownSystems(options)
        self._queue = QuestionQueue("access_api", "question", _BOUNDS, refusal)

    @asynccontextmanager
    async def open(self, _app: Starlette) -> AsyncIterator[None]:
        """Let the threads go at the end."""
        yield
        self._queue.close()

    def endpoint(self, answer: Answer, needs: AccessScope) -> Callable[[Request], Awaitable[Response]]:
        """Make an endpoint of an answer for which a scope is needed."""

        async def served(request: Request) -> Response:
            try:
                body = await body_of(request, self._options.body_bytes, _BODY_SECONDS)
                response: Response = await self._queue.answered(lambda: self._made(request, body, answer, needs))
            except BadRequest as error:
                response = problem_answer(AccessProblem(error.status, "bad_request", error.message))
            except ClientDisconnect:
                response = Response(status_code=499)
            self._on_request(_outcome(response))
            return response

        return served

    def _made(self, request: Request, body: bytes, answer: Answer, needs: AccessScope) -> JSONResponse:
        try:
            system = self._systems.system_of(request)
            if needs not in system.scopes:
                raise AccessProblem(403, "not_in_scope", f"the token of {system.id} has no scope {needs.value}")
            return answer(Question(request, system, self._desk, body))
        except AccessProblem as problem:
            return problem_answer(problem)

    def ask(self, question: Question) -> JSONResponse:
        """Ask for access."""
        sent, system = question.sent(AskedAccess), question.system
        key = question.request.headers.get("idempotency-key", "")
        if not 0 < len(key) <= _LONGEST_KEY:
            raise AccessProblem(400, "bad_request", f"send an Idempotency-Key of {_LONGEST_KEY} characters at most")
        access = sent.access(self._clock())
        if not system.serves(access.customer):
            raise AccessProblem(403, "not_in_scope", f"the token of {system.id} is not for this customer")
        if access.order is not None and access.order.secret_until is not None and not system.secret:
            raise AccessProblem(403, "not_in_scope", f"the token of {system.id} is not for orders that are secret")
        try:
            number = question.desk.ask(access, sent.by, sent.code, self._check, key=key)
        except AccessForbidden as error:
            raise AccessProblem.of(error, 422, "not_allowed") from error
        headers = {"Location": f"/v1/access-requests/{number}"}
        return _answered(question.desk.request(number), 201, headers)

    def listed(self, question: Question) -> JSONResponse:
        """List requests, the latest first."""
        asked = question.request.query_params
        limit = asked.get("limit", "100")
        if not limit.isascii() or not limit.isdecimal() or not 1 <= int(limit[:9]) <= MOST_LISTED:
            raise AccessProblem(400, "bad_request", f"limit is a number from 1 to {MOST_LISTED}")
        try:
            states = [AccessState(name) for name in asked.getlist("state")]
        except ValueError as error:
            states_there = ", ".join(state.value for state in AccessState)
            raise AccessProblem(400, "bad_request", "no such state", f"known are: {states_there}") from error
        system = question.system
        customers = () if system.serves("*") else system.customers
        listed = question.desk.requests(int(limit), states, customers)
        return _json({"requests": [told_of(stored) for stored in listed if question.sees(stored)]})

    def shown(self, question: Question) -> JSONResponse:
        """Show a request."""
        return _answered(question.stored())

    def approve(self, question: Question) -> JSONResponse:
        """Have a member of the staff agree, or note that a contact did; always with the person's code."""
        sent = question.sent(SentApproval)
        if sent.contact and not sent.why:
            raise AccessProblem(400, "bad_request", "say in why on which way the contact agreed")

        def step(desk: AccessDecisions, number: str) -> object:
            if sent.contact:
                return desk.customer_said_yes(number, sent.contact, sent.by, sent.code, self._check, sent.why)
            return desk.approve(number, sent.by, sent.code, self._check, sent.why)

        return _decided(question, step)

    def refuse(self, question: Question) -> JSONResponse:
        """Refuse what waits."""
        sent = question.sent(SentEnd)
        return _decided(question, lambda desk, number: desk.refuse(number, sent.by, sent.why))

    def revoke(self, question: Question) -> JSONResponse:
        """End access."""
        sent = question.sent(SentEnd)
        return _decided(question, lambda desk, number: desk.revoke(number, sent.by, sent.why))

    def review(self, question: Question) -> JSONResponse:
        """Note how it went, with the person's code."""
        sent = question.sent(SentReview)
        return _decided(question, lambda desk, number: desk.review(number, sent.by, sent.code, self._check, sent.why))


def access_app(
    options: AccessApiOptions,
    desk: AccessDecisions,
    check: CodeCheck,
    clock: Clock,
    on_request: OnRequest = lambda _outcome: None,
) -> Starlette:
    """Build the application described in `docs/access-api.md`."""
    api = AccessApi(options, desk, check, clock, on_request)
    every, one = "/v1/access-requests", "/v1/access-requests/{number}"
    decisions = {"approve": api.approve, "refuse": api.refuse, "revoke": api.revoke, "review": api.review}

    async def described(_request: Request) -> Response:
        return JSONResponse(openapi(options))

    async def nowhere(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return problem_answer(AccessProblem(status, "not_here", "no such endpoint or method", "see docs/access-api.md"))

    routes = [
        Route(every, api.endpoint(api.ask, AccessScope.REQUEST), methods=["POST"]),
        Route(every, api.endpoint(api.listed, AccessScope.READ), methods=["GET"]),
        Route(one, api.endpoint(api.shown, AccessScope.READ), methods=["GET"]),
        *(
            Route(f"{one}/{name}", api.endpoint(answer, AccessScope.DECIDE), methods=["POST"])
            for name, answer in decisions.items()
        ),
        Route("/v1/openapi.json", described, methods=["GET"]),
    ]
    return Starlette(routes=routes, lifespan=api.open, exception_handlers={HTTPException: nowhere})


def _decided(question: Question, step: Callable[[AccessDecisions, str], object]) -> JSONResponse:
    number = question.stored().request.id
    try:
        step(question.desk, number)
    except AccessForbidden as error:
        raise AccessProblem.of(error, 409, "not_now") from error
    return _answered(question.desk.request(number))


def _answered(stored: StoredAccess, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return _json(told_of(stored), status, headers)


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(content, status, {"Cache-Control": "no-store", **(headers or {})})


def _outcome(response: Response) -> str:
    status = response.status_code
    if status >= 500:
        return "failed"
    return "limited" if status == 429 else "refused" if status >= 400 else "ok"
