"""The gate's endpoints, for the application on the same machine."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from credwatch.policy.corpus.ranges import text_of_range
from credwatch.policy.gate import Gate
from credwatch.policy.options import GateOptions
from credwatch.policy.totp import UnlockOutcome
from credwatch.web.gate.answers import (
    answer,
    enrol_answer,
    error_answer,
    mfa_answer,
    password_answer,
    push_answer,
    recovery_answer,
)
from credwatch.web.gate.openapi import openapi
from credwatch.web.gate.requests import (
    BadRequest,
    CodeRequest,
    EnrolRequest,
    LoginRequest,
    OperatorRequest,
    PasswordRequest,
    PushRequest,
    body_of,
    understood,
)
from credwatch.web.queues import QuestionQueue, QueueBounds

_PREFIX = re.compile(r"[0-9A-Fa-f]{5}")
_LONGEST_BODY = 16 * 1024
"""Bytes: a password of 1,024 code points fits, each written as two JSON escapes."""

R = TypeVar("R", EnrolRequest, CodeRequest, OperatorRequest, LoginRequest, PushRequest)


Endpoint = Callable[[Request], Awaitable[JSONResponse]]

OnAnswer = Callable[[str, str], None]
"""Told of each answer: the endpoint, such as totp/verify, and accepted, refused or failed."""


def gate_app(
    service: Gate,
    options: GateOptions | None = None,
    *,
    on_answer: OnAnswer = lambda _endpoint, _outcome: None,
) -> Starlette:
    """Build the application: JSON in, JSON out, described in `docs/gate.md`.

    Password checks, changes of passwords and second factors each have threads and a queue of their own. Whatever
    fails, nothing of the request is repeated or logged, and no second factor is accepted.
    """
    desk = _Desk(service, options or GateOptions())
    questions: dict[str, Endpoint] = {
        "password/check": desk.password_check,
        "password/changed": desk.password_changed,
        "login/check": desk.login_check,
        "push/check": desk.push_check,
        "totp/enrol": desk.totp_enrol,
        "totp/confirm": desk.totp_confirm,
        "totp/verify": desk.totp_verify,
        "totp/unlock": desk.totp_unlock,
        "totp/remove": desk.totp_remove,
        "recovery/make": desk.recovery_make,
        "recovery/verify": desk.recovery_verify,
    }
    routes = [
        Route("/v1/health", desk.health, methods=["GET"]),
        Route("/openapi.json", desk.openapi, methods=["GET"]),
        Route("/range/{prefix:str}", desk.range, methods=["GET"]),
        *(Route(f"/v1/{name}", _told(name, ask, on_answer), methods=["POST"]) for name, ask in questions.items()),
    ]
    return Starlette(routes=routes, lifespan=desk.open, exception_handlers={HTTPException: _no_such_place})


class _Desk:
    """Takes questions in and hands out the gate's answers."""

    def __init__(self, gate: Gate, options: GateOptions) -> None:
        self._gate = gate
        self._options = options
        bounds = QueueBounds(options.workers, options.waiting, options.timeout_seconds)
        self._checks, self._changes, self._factors, self._ranges = (
            QuestionQueue("gate", kind, bounds, error_answer) for kind in ("check", "change", "factor", "range")
        )

    @asynccontextmanager
    async def open(self, _app: Starlette) -> AsyncIterator[None]:
        """Let the threads go at the end."""
        yield
        for queue in (self._checks, self._changes, self._factors, self._ranges):
            queue.close()

    async def health(self, _request: Request) -> JSONResponse:
        """Say that the gate answers, and whether it can do second factors."""
        factors = "ready" if self._gate.mfa_ready else "no_sealing_key"
        breached = await asyncio.to_thread(lambda: self._gate.breached_passwords)
        return answer({"status": "ok", "second_factors": factors, "breached_passwords": breached})

    async def openapi(self, _request: Request) -> JSONResponse:
        """Describe the endpoints."""
        return answer(openapi())

    async def range(self, request: Request) -> Response:
        """Hand out the range of breached passwords that five digits name, as the public service does."""
        prefix, folder = str(request.path_params["prefix"]), self._options.ranges
        if not _PREFIX.fullmatch(prefix):
            return error_answer("bad_request", "expected five hexadecimal digits", 400)
        if folder is None:
            return error_answer("not_here", "the settings name no gate.ranges; see docs/gate.md", 404)
        return await self._ranges.answered(lambda: PlainTextResponse(text_of_range(folder, prefix.upper())))

    async def password_check(self, request: Request) -> JSONResponse:
        """Judge a prospective password; the customer's profile says what a failure means."""
        try:
            question = understood(await self._body(request), PasswordRequest)
        except BadRequest as error:
            return _misunderstood(error)
        reply = await self._checks.answered(lambda: password_answer(self._gate.check_password(question.question())))
        if reply.status_code < 500:
            return reply
        code = str(json.loads(bytes(reply.body))["undecided"])
        return password_answer(
            self._gate.when_undecided(question.caller().account, busy=code == "busy"), undecided=code
        )

    async def password_changed(self, request: Request) -> JSONResponse:
        """Remember a password that was just set."""
        try:
            question = understood(await self._body(request), PasswordRequest)
        except BadRequest as error:
            return _misunderstood(error)
        return await self._changes.answered(
            lambda: answer({"recorded": True, "remembered": self._gate.password_changed(question.question())})
        )

    async def login_check(self, request: Request) -> JSONResponse:
        """Hold a login against the local rules."""
        return await self._answered(
            request, LoginRequest, lambda asked: answer(self._gate.check_login(asked.question()).spelled_out())
        )

    async def push_check(self, request: Request) -> JSONResponse:
        """Say whether one more push may be sent, and count it."""
        return await self._answered(
            request, PushRequest, lambda question: push_answer(self._gate.count_push(question.caller()))
        )

    async def totp_enrol(self, request: Request) -> JSONResponse:
        """Make a secret and show it once."""
        return await self._answered(
            request, EnrolRequest, lambda question: enrol_answer(self._gate.enrol(question.caller()))
        )

    async def totp_confirm(self, request: Request) -> JSONResponse:
        """Take the first code of a new secret."""
        return await self._answered(
            request, CodeRequest, lambda question: mfa_answer(self._gate.confirm(question.caller(), question.code))
        )

    async def totp_verify(self, request: Request) -> JSONResponse:
        """Take a code."""
        return await self._answered(
            request, CodeRequest, lambda question: mfa_answer(self._gate.verify(question.caller(), question.code))
        )

    async def recovery_make(self, request: Request) -> JSONResponse:
        """Make recovery codes and show them once."""
        return await self._answered(
            request, EnrolRequest, lambda question: recovery_answer(self._gate.make_recovery_codes(question.caller()))
        )

    async def recovery_verify(self, request: Request) -> JSONResponse:
        """Take a recovery code."""
        return await self._answered(
            request, CodeRequest, lambda question: mfa_answer(self._gate.recover(question.caller(), question.code))
        )

    async def totp_unlock(self, request: Request) -> JSONResponse:
        """Forgive the failures of a locked factor."""

        def work(question: OperatorRequest) -> JSONResponse:
            outcome = self._gate.unlock(question.caller(), question.why)
            return answer({"unlocked": outcome is UnlockOutcome.UNLOCKED, "outcome": outcome.value})

        return await self._answered(request, OperatorRequest, work)

    async def totp_remove(self, request: Request) -> JSONResponse:
        """Take a factor away."""
        return await self._answered(
            request,
            OperatorRequest,
            lambda question: answer({"removed": self._gate.remove(question.caller(), question.why)}),
        )

    async def _answered(self, request: Request, model: type[R], work: Callable[[R], JSONResponse]) -> JSONResponse:
        try:
            question = understood(await self._body(request), model)
        except BadRequest as error:
            return _misunderstood(error)
        return await self._factors.answered(lambda: work(question))

    async def _body(self, request: Request) -> bytes:
        return await body_of(request, _LONGEST_BODY, self._options.timeout_seconds)


def _told(name: str, ask: Endpoint, on_answer: OnAnswer) -> Endpoint:
    async def endpoint(request: Request) -> JSONResponse:
        response = await ask(request)
        on_answer(name, _outcome(response))
        return response

    return endpoint


def _outcome(response: JSONResponse) -> str:
    """Say what an answer comes to: yes, no, or that the gate could not tell."""
    content = json.loads(bytes(response.body))
    if "undecided" in content:
        return "failed"
    if response.status_code >= 400:
        return "refused"
    return (
        "refused" if False in (content.get("accepted"), content.get("unlocked"), content.get("removed")) else "accepted"
    )


def _misunderstood(error: BadRequest) -> JSONResponse:
    return error_answer("bad_request", error.message, error.status, error.fields)


async def _no_such_place(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return error_answer("not_here", "no such endpoint or method; see docs/gate.md", status)
