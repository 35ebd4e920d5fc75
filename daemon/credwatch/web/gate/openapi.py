"""The gate's questions and answers as an OpenAPI 3.1 document, from the models that read the questions."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from credwatch.web.gate.requests import (
    CodeRequest,
    EnrolRequest,
    LoginRequest,
    OperatorRequest,
    PasswordRequest,
    PushRequest,
)

_TEXT: dict[str, Any] = {"type": "string"}
_YES_OR_NO: dict[str, Any] = {"type": "boolean"}
_NUMBER: dict[str, Any] = {"type": "integer"}


def _object(optional: dict[str, Any] | None = None, **required: Any) -> dict[str, Any]:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


_UNDECIDED = {"undecided": _TEXT, "on_failure": {"enum": ["accept", "refuse"]}}
_REASON = _object({"source": _TEXT}, code=_TEXT, limit=_NUMBER, rule=_TEXT, en=_TEXT, vi=_TEXT)
_ESTIMATE = _object(score=_NUMBER, guesses_log10={"type": "number"})
_VERDICT = _object(
    {
        "estimate": _ESTIMATE,
        "unchecked": {"type": "array", "items": _TEXT},
        "reasons": {"type": "array", "items": _REASON},
        **_UNDECIDED,
    },
    accepted=_YES_OR_NO,
)
_TEXTS = {"type": "array", "items": _TEXT}
_REASONS = {"type": "array", "items": _REASON}
_LOGIN = _object(accepted=_YES_OR_NO, reasons=_REASONS, waived=_TEXTS, unchecked=_TEXTS)
_PUSH = _object(accepted=_YES_OR_NO, reasons=_REASONS, until={"type": ["string", "null"]})
_CODE = _object(
    {"left": _NUMBER}, accepted=_YES_OR_NO, outcome=_TEXT, until={"type": ["string", "null"]}, locked=_YES_OR_NO
)
_ERROR = _object(
    _UNDECIDED,
    accepted={"const": False},
    error=_object(code=_TEXT, message=_TEXT, fields={"type": "array", "items": _TEXT}),
)
_HEALTH = _object(status=_TEXT, second_factors=_TEXT, breached_passwords=_TEXT)

_QUESTIONS: dict[str, tuple[str, type[BaseModel], dict[str, Any], str]] = {
    "password/check": ("Judge a prospective password.", PasswordRequest, _VERDICT, "200"),
    "password/changed": (
        "Remember a password that was just set.",
        PasswordRequest,
        _object(recorded=_YES_OR_NO, remembered=_NUMBER),
        "200",
    ),
    "login/check": ("Hold a login, or an act within one, against the local rules.", LoginRequest, _LOGIN, "200"),
    "push/check": ("Say whether one more push may be sent, and count it.", PushRequest, _PUSH, "200"),
    "totp/enrol": (
        "Make a secret for one-time codes; 409 where a factor stands already.",
        EnrolRequest,
        _object({"secret": _TEXT, "uri": _TEXT}, outcome=_TEXT),
        "201",
    ),
    "totp/confirm": ("Take the first code of a new secret.", CodeRequest, _CODE, "200"),
    "totp/verify": ("Take a code.", CodeRequest, _CODE, "200"),
    "totp/unlock": (
        "Forgive the failures of a locked factor.",
        OperatorRequest,
        _object(unlocked=_YES_OR_NO, outcome=_TEXT),
        "200",
    ),
    "totp/remove": ("Take a factor away.", OperatorRequest, _object(removed=_YES_OR_NO), "200"),
    "recovery/make": (
        "Make ten recovery codes; 409 where there is no confirmed factor.",
        EnrolRequest,
        _object({"codes": {"type": "array", "items": _TEXT}}, outcome=_TEXT),
        "201",
    ),
    "recovery/verify": ("Take a recovery code.", CodeRequest, _CODE, "200"),
}

_CONFLICTS = {"totp/enrol": "A factor stands already.", "recovery/make": "There is no confirmed factor."}


def openapi() -> dict[str, Any]:
    """Describe every endpoint of the gate."""
    paths: dict[str, Any] = {
        "/v1/health": {"get": _operation("Say whether the gate answers, and what it can do.", "200", _json(_HEALTH))},
        "/range/{prefix}": {"get": _range()},
    }
    for name, (summary, model, content, status) in _QUESTIONS.items():
        operation = _operation(summary, status, _json(content))
        operation["requestBody"] = {"required": True, "content": _json(model.model_json_schema())}
        if name in _CONFLICTS:
            operation["responses"]["409"] = {"description": _CONFLICTS[name], "content": _json(content)}
        paths[f"/v1/{name}"] = {"post": operation}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The gate of credwatch",
            "version": "1",
            "description": "On a Unix socket; see docs/gate.md.",
        },
        "paths": paths,
    }


def _operation(summary: str, status: str, content: dict[str, Any]) -> dict[str, Any]:
    failed = {"description": "Not understood, or not decided: never accepted.", "content": _json(_ERROR)}
    return {
        "summary": summary,
        "responses": {status: {"description": "The answer.", "content": content}, "default": failed},
    }


def _range() -> dict[str, Any]:
    operation = _operation("Hand out a range of breached passwords.", "200", {"text/plain": {"schema": _TEXT}})
    digits = {"type": "string", "pattern": "^[0-9A-Fa-f]{5}$"}
    return operation | {"parameters": [{"name": "prefix", "in": "path", "required": True, "schema": digits}]}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
