"""The endpoints for programs as an OpenAPI 3.1 document, from the model that reads the reports."""

from __future__ import annotations

from typing import Any

from credwatch.web.portal.options import PortalOptions
from credwatch.web.portal.report_api import SentReport

_TEXT: dict[str, Any] = {"type": "string"}
_MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
_MAYBE: dict[str, Any] = {"anyOf": [_MOMENT, {"type": "null"}]}
_YES_OR_NO: dict[str, Any] = {"type": "boolean"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


_FILE = _object(name=_TEXT, size={"type": "integer"}, sha256=_TEXT)
_RECEIPT = _object(
    number=_TEXT,
    code=_TEXT,
    received_at=_MOMENT,
    answer_by=_MAYBE,
    repeat=_YES_OR_NO,
    matches={"type": "array", "items": _TEXT},
    attachments={"type": "array", "items": _FILE},
)
_STANDING = _object(number=_TEXT, received_at=_MOMENT, open=_YES_OR_NO, answer_by=_MAYBE, answered_at=_MAYBE)
_ERROR = _object(error=_object(code=_TEXT, message=_TEXT))


def openapi(options: PortalOptions) -> dict[str, Any]:
    """Describe the endpoints, with the bounds that are set."""
    failed = {status: _answer(words, _ERROR) for status, words in _FAILURES.items()}
    # Beyond the door: too many requests, or none can be served just now; these are plain text.
    limited: dict[str, Any] = {
        status: {"description": words, "content": {"text/plain": {"schema": _TEXT}}} for status, words in _DOOR.items()
    }
    limited["429"]["content"]["application/json"] = {"schema": _ERROR}
    limited["413"]["content"]["application/json"] = {"schema": _ERROR}
    schema = SentReport.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"]["attachments"]["maxItems"] = options.attachments
    schemas = {**schema.pop("$defs", {}), "SentReport": schema}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Reports of customers",
            "version": "1",
            "description": "By which a customer's programs report breaches; see docs/portal.md.",
        },
        "servers": [{"url": options.public_url}],
        "security": [{"token": []}],
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": schemas},
        "paths": {
            "/api/v1/reports": {
                "post": {
                    "summary": "Report a breach.",
                    "operationId": "report",
                    "parameters": [_KEY],
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SentReport"}}},
                    },
                    "responses": {
                        "201": _answer("The receipt.", _RECEIPT),
                        "200": _answer("It had been received before; the receipt of then.", _RECEIPT),
                        **failed,
                        **limited,
                    },
                }
            },
            "/api/v1/reports/{number}": {
                "get": {
                    "summary": "See how a report stands.",
                    "operationId": "standing",
                    "parameters": [{"name": "number", "in": "path", "required": True, "schema": _TEXT}],
                    "responses": {
                        "200": _answer("How it stands.", _STANDING),
                        "401": failed["401"],
                        "404": _answer("No report of yours has this number.", _ERROR),
                        **limited,
                    },
                }
            },
        },
    }


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names this report: sent again with the same key, it is the same report.",
    "schema": {"type": "string", "maxLength": 200},
}
_FAILURES = {
    "400": "Not understood.",
    "401": "No token, or a wrong one.",
    "415": "Neither JSON nor a known character set.",
    "422": "The key came with another report before.",
}
_DOOR = {
    "413": "Larger than is taken.",
    "429": "Too many requests; see Retry-After.",
    "503": "It cannot be served just now; send it again.",
}


def _answer(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schema}}}
