"""OTLP/HTTP: `POST /v1/logs`, as protobuf and as JSON.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from credwatch.sources.push.pushed import PushAnswer, PushDialect, PushedLines, refuse_media
from credwatch.sources.push.refused import RequestRefused
from credwatch.sources.push.unwrapping import headed, line_of, whole

_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_DEEPEST = 32


def read_otlp(body: bytes, media_type: str, json_only: bool) -> PushedLines:
    """Read the log records of all resources; raises RequestRefused."""
    pushed = PushedLines.none()
    try:
        for record, resource in _records(_request(body, media_type)):
            pushed.take(_line(record, resource, json_only))
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise RequestRefused(400, "the body is no ExportLogsServiceRequest of OTLP") from error
    return pushed


def _request(body: bytes, media_type: str) -> dict[str, Any]:
    """Read a body into the shape that OTLP has as JSON."""
    if media_type == _JSON:
        return msgspec.json.decode(body, type=dict[str, Any])
    if media_type != _PROTOBUF:
        raise refuse_media(media_type, f"{_PROTOBUF} or {_JSON}")
    # Loaded where it is needed: most daemons never are.
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    try:
        return dict(MessageToDict(ExportLogsServiceRequest.FromString(body)))
    except DecodeError as error:
        raise RequestRefused(400, "the body is no ExportLogsServiceRequest of OTLP") from error


def _records(request: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for resource in request.get("resourceLogs", ()):
        about = _attributes(resource.get("resource", {}))
        for scope in resource.get("scopeLogs", ()):
            for record in scope.get("logRecords", ()):
                yield record, about


def _line(record: dict[str, Any], resource: dict[str, Any], json_only: bool) -> bytes:
    moment = record.get("timeUnixNano") or record.get("observedTimeUnixNano") or ""
    about = {**resource, **_attributes(record), "@timestamp": str(moment)}
    service = str(about.get("service.name", ""))
    if service and not service.startswith("unknown_service"):
        about.setdefault("program", service)
    body = _value(record.get("body", {}))
    match body:
        case dict():
            return line_of(body, b"", json_only=json_only)
        case None | "":
            return whole(about, b"")
        case str():
            return headed(body, about)
    return headed(msgspec.json.encode(body).decode(), about)


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {str(pair["key"]): _value(pair.get("value", {})) for pair in holder.get("attributes", ())}


def _value(value: dict[str, Any], depth: int = 0) -> Any:
    """Read an AnyValue; raises RecursionError where it is nested too deep."""
    if depth > _DEEPEST:
        raise RecursionError
    held: Any
    kind, held = next(iter(value.items()), ("", None))
    match kind:
        case "arrayValue":
            return [_value(item, depth + 1) for item in held.get("values", ())]
        case "kvlistValue":
            return {str(pair["key"]): _value(pair.get("value", {}), depth + 1) for pair in held.get("values", ())}
        case "intValue":
            return int(held)
    return held


def answer_otlp(pushed: PushedLines, media_type: str) -> PushAnswer:
    """Answer as the request was written, with how many records were not taken."""
    refused = pushed.refused
    message = f"record {refused[0][0] + 1}: {refused[0][1]}" if refused else ""
    if media_type == _JSON:
        partial = {"rejectedLogRecords": str(len(refused)), "errorMessage": message}
        return PushAnswer(200, {"partialSuccess": partial} if refused else {})
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
        ExportLogsPartialSuccess,
        ExportLogsServiceResponse,
    )

    response = ExportLogsServiceResponse()
    if refused:
        answer = ExportLogsPartialSuccess(rejected_log_records=len(refused), error_message=message)
        response.partial_success.CopyFrom(answer)
    return PushAnswer(200, raw=response.SerializeToString(), media_type=_PROTOBUF)


OTLP = PushDialect("otlp", read_otlp, answer_otlp)
