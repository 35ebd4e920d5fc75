"""The endpoints for ticket systems as an OpenAPI 3.1 document, from the models that read what they send."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from credwatch.kernel.access import AccessGround, AccessState, AccessStepKind
from credwatch.web.access.options import AccessApiOptions, AccessScope
from credwatch.web.access.problems import MEDIA_TYPE, PROBLEMS
from credwatch.web.access.requests import AskedAccess, SentApproval, SentEnd, SentReview

MOST_LISTED = 1000
"""So many requests are listed at most."""
_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
_MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
_MAYBE: dict[str, Any] = {"anyOf": [_MOMENT, {"type": "null"}]}


def _object(optional: dict[str, Any] | None = None, **required: Any) -> dict[str, Any]:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def _one_of(kinds: Any) -> dict[str, Any]:
    return {"enum": [kind.value for kind in kinds]}


_STEP = _object({"text": _TEXT, "through": _TEXT}, kind=_one_of(AccessStepKind), by=_TEXT, at=_MOMENT)
_ORDER = _object({"secret_until": _MAYBE}, issuer=_TEXT, article=_TEXT, document_sha256=_TEXT)
_ACCESS = _object(
    {
        "data": _TEXTS,
        "order": _ORDER,
        "granted_at": _MAYBE,
        "over_at": _MAYBE,
        "steps": {"type": "array", "items": _STEP},
        "through": _TEXT,
    },
    id=_TEXT,
    customer=_TEXT,
    ground=_one_of(AccessGround),
    reference=_TEXT,
    reason=_TEXT,
    asked_by=_TEXT,
    asked_at=_MOMENT,
    actors=_TEXTS,
    accounts=_TEXTS,
    actions=_TEXTS,
    starts_at=_MOMENT,
    ends_at=_MOMENT,
    state=_one_of(AccessState),
    approvers=_TEXTS,
    awaits_customer={"type": "boolean"},
    use=_object(count={"type": "integer"}, first=_MAYBE, last=_MAYBE),
    review_by=_TEXT,
)
_PROBLEM = _object(
    {"hint": _TEXT},
    type={"enum": [f"urn:credwatch:problem:{kind}" for kind in PROBLEMS]},
    title=_TEXT,
    status={"type": "integer"},
    detail=_TEXT,
)
_BUSY = {"description": "Too many connections.", "content": {"application/json": {"schema": {"type": "object"}}}}
_REFUSALS = {
    "400": "Not understood.",
    "401": "No token, or a wrong one.",
    "403": "The token does not allow it, or the code does not prove who it is.",
    "404": "There is no such request.",
    "408": "It did not arrive in time.",
    "409": "It may not be done to this request.",
    "413": "Larger than is taken.",
    "415": "No JSON.",
    "422": "Such access cannot be asked for, or the key has come with another request.",
    "429": "Too many requests; see Retry-After.",
    "503": "It cannot be answered just now; send it again.",
}
_DECISIONS: dict[str, tuple[str, type[BaseModel]]] = {
    "approve": ("Agree, with a code of who does; or note that a contact did.", SentApproval),
    "refuse": ("Refuse a request that waits; who asked withdraws it.", SentEnd),
    "revoke": ("End access before its time.", SentEnd),
    "review": ("Say how it went, with a code of who does.", SentReview),
}


def openapi(options: AccessApiOptions) -> dict[str, Any]:
    """Describe the endpoints, with the examples of their models."""
    schemas: dict[str, Any] = {"Access": _ACCESS, "Problem": _PROBLEM}
    for model in (AskedAccess, SentApproval, SentEnd, SentReview):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    one = {"name": "number", "in": "path", "required": True, "schema": _TEXT, "example": "AR-7KQ2M4AB"}
    paths: dict[str, Any] = {
        "/v1/access-requests": {"post": _ask(), "get": _list()},
        "/v1/access-requests/{number}": {
            "get": _operation("Show a request.", "show", AccessScope.READ, {"200": _shown()}, parameters=[one])
        },
    }
    for name, (summary, sent) in _DECISIONS.items():
        operation = _operation(
            summary, name, AccessScope.DECIDE, {"200": _shown()}, parameters=[one], requestBody=_body(sent)
        )
        paths[f"/v1/access-requests/{{number}}/{name}"] = {"post": operation}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Access of staff, for ticket systems",
            "version": "1",
            "description": f"Bodies have {options.body_bytes} bytes at most; see docs/access-api.md.",
        },
        "security": [{"token": []}],
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": schemas},
        "paths": paths,
    }


def _ask() -> dict[str, Any]:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Names this request: sent again with the same key, it is the same request.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        "example": "ticket-4711-1",
    }
    made = _shown() | {"headers": {"Location": {"description": "Where it is.", "schema": _TEXT}}}
    return _operation(
        "Ask for access.",
        "ask",
        AccessScope.REQUEST,
        {"201": made},
        parameters=[key],
        requestBody=_body(AskedAccess),
    )


def _list() -> dict[str, Any]:
    states = {"type": "array", "items": _one_of(AccessState)}
    limit = {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": 100}
    parameters = [
        {"name": "state", "in": "query", "schema": states, "description": "How they stand; all where none is named."},
        {"name": "limit", "in": "query", "schema": limit, "description": "How many, the latest first."},
    ]
    listed = _object(requests={"type": "array", "items": {"$ref": "#/components/schemas/Access"}})
    answer = {"description": "The requests.", "content": {"application/json": {"schema": listed}}}
    return _operation("List requests.", "list", AccessScope.READ, {"200": answer}, parameters=parameters)


def _operation(summary: str, name: str, scope: AccessScope, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refused: dict[str, Any] = {
        status: {"description": words, "content": dict(problem)} for status, words in _REFUSALS.items()
    }
    refused["503"]["content"] |= _BUSY["content"]
    return {
        "summary": summary,
        "description": f"The token needs the scope {scope.value}.",
        "operationId": name,
        **more,
        "responses": answers | refused,
    }


def _shown() -> dict[str, Any]:
    return {
        "description": "The request as it is now.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Access"}}},
    }


def _body(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}},
    }
