"""What the gate answers, as JSON."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.secret import Secret
from credwatch.policy.gate import PushVerdict
from credwatch.policy.password import PasswordAccepted, Verdict
from credwatch.policy.totp import Enrolment, MfaOutcome, MfaVerdict


def answer(content: dict[str, Any], status: int = 200) -> JSONResponse:
    """Answer with JSON that no cache keeps."""
    return JSONResponse(content, status_code=status, headers={"Cache-Control": "no-store"})


def password_answer(verdict: Verdict, undecided: str = "") -> JSONResponse:
    """Say whether a password is accepted, and if not, every reason in English and Vietnamese.

    Where the gate could not judge it, `undecided` says why; the verdict is what the customer's profile makes of that.
    """
    content = verdict.spelled_out()
    if undecided:
        content |= {
            "undecided": undecided,
            "on_failure": "accept" if isinstance(verdict, PasswordAccepted) else "refuse",
        }
    return answer(content)


def enrol_answer(enrolment: Enrolment | None) -> JSONResponse:
    """Hand out a new secret, the one time it is shown."""
    if enrolment is None:
        return answer({"outcome": "already_enrolled"}, 409)
    shown = {"secret": enrolment.secret.reveal(), "uri": enrolment.uri.reveal()}
    return answer({"outcome": "waiting_for_code", **shown}, 201)


def recovery_answer(codes: tuple[Secret, ...] | None) -> JSONResponse:
    """Hand out new recovery codes, the one time they are shown."""
    if codes is None:
        return answer({"outcome": MfaOutcome.NOT_ENROLLED.value}, 409)
    return answer({"outcome": "made", "codes": [code.reveal() for code in codes]}, 201)


def mfa_answer(verdict: MfaVerdict) -> JSONResponse:
    """Say whether a code is accepted; `until` says when the next one is looked at."""
    until = rfc3339(verdict.until) if verdict.until else None
    content = {"accepted": verdict.accepted, "outcome": verdict.outcome.value, "until": until}
    left = {} if verdict.left is None else {"left": verdict.left}
    return answer(content | {"locked": verdict.locked_now or verdict.outcome is MfaOutcome.LOCKED} | left)


def push_answer(verdict: PushVerdict) -> JSONResponse:
    """Say whether a push may be sent; `until` says when the next one may."""
    until = rfc3339(verdict.until) if verdict.until else None
    reasons = [verdict.refusal.spelled_out()] if verdict.refusal else []
    return answer({"accepted": verdict.refusal is None, "reasons": reasons, "until": until})


def error_answer(code: str, message: str, status: int, fields: tuple[str, ...] = ()) -> JSONResponse:
    """Say that a request failed: never accepted, and nothing of the request in it.

    From status 500 on the gate has not decided: `undecided` says why, and that this counts as a refusal.
    """
    content: dict[str, Any] = {"accepted": False}
    if status >= 500:
        content |= {"undecided": code, "on_failure": "refuse"}
    return answer(content | {"error": {"code": code, "message": message, "fields": list(fields)}}, status)
