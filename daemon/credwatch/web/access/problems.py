"""What the endpoints for ticket systems refuse, as problem details (RFC 9457)."""

from __future__ import annotations

import math
from typing import Any

from starlette.responses import JSONResponse

from credwatch.kernel.access import AccessForbidden, CodeRefused, OtherAccess

PROBLEMS = {
    "bad_request": "The request is not understood.",
    "no_token": "The token is missing or wrong.",
    "not_in_scope": "The token does not allow it.",
    "code_refused": "The code does not prove who it is.",
    "not_here": "There is nothing by that name.",
    "not_now": "It may not be done to this request.",
    "not_allowed": "Such access cannot be asked for.",
    "other_request": "The key has come with another request.",
    "slower": "There are too many requests.",
    "unavailable": "It cannot be answered just now.",
}
"""The kinds of problems, by the last part of their type."""
MEDIA_TYPE = "application/problem+json"


class AccessProblem(Exception):
    """A request that is refused: status, kind, and what to do; it holds nothing that is secret."""

    def __init__(self, status: int, kind: str, detail: str, hint: str = "", wait: float = 0) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.hint, self.wait = status, kind, detail, hint, wait

    @classmethod
    def of(cls, error: AccessForbidden, status: int, kind: str) -> AccessProblem:
        """Tell of what the rules refuse; codes and keys have statuses of their own."""
        if isinstance(error, CodeRefused):
            status, kind = 403, "code_refused"
        elif isinstance(error, OtherAccess):
            status, kind = 422, "other_request"
        return cls(status, kind, f"{error.where}: {error.message}", error.hint)


def problem_answer(problem: AccessProblem) -> JSONResponse:
    """Answer with a problem, which no cache keeps."""
    content: dict[str, Any] = {
        "type": f"urn:credwatch:problem:{problem.kind}",
        "title": PROBLEMS[problem.kind],
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.hint:
        content["hint"] = problem.hint
    headers = {"Cache-Control": "no-store"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.wait:
        headers["Retry-After"] = str(math.ceil(problem.wait))
    return JSONResponse(content, problem.status, headers, MEDIA_TYPE)


def refusal(code: str, message: str, status: int) -> JSONResponse:
    """Say that a queue is full, or that what answers has failed."""
    if code == "timeout":
        message = "it took too long, and may still be done; look how the request stands"
    return problem_answer(AccessProblem(status, "unavailable", message, wait=5))
