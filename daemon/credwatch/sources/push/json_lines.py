"""Lines and documents of JSON: `POST /lines`, what curl and every HTTP output of a shipper can send."""

from __future__ import annotations

import msgspec

from credwatch.sources.push.pushed import PushAnswer, PushDialect, PushedLines
from credwatch.sources.push.refused import RequestRefused
from credwatch.sources.push.unwrapping import line_of

_NO_JSON = "not a JSON object"
_MOST_TOLD = 100


def read_lines(body: bytes, media_type: str, json_only: bool) -> PushedLines:
    """Read a body of plain lines, of one document a line, or of one array; raises RequestRefused.

    As `text/plain` each line is taken as it is. Else a line that begins an object must be one; other lines are plain.
    """
    if media_type == "application/json" and body.lstrip()[:1] == b"[":
        return _array(body, json_only)
    pushed = PushedLines.none()
    for raw in body.split(b"\n"):
        line = raw.removesuffix(b"\r")
        if not line.strip():
            continue
        if media_type == "text/plain":
            pushed.take(line)
        elif line.lstrip()[:1] == b"{":
            _document(line.strip(), json_only, pushed)
        elif json_only:
            pushed.refuse(_NO_JSON)
        else:
            pushed.take(line)
    return pushed


def _array(body: bytes, json_only: bool) -> PushedLines:
    pushed = PushedLines.none()
    try:
        documents = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefused(400, f"the body is not a JSON array: {error}") from error
    for document in documents:
        _document(bytes(document), json_only, pushed)
    return pushed


def _document(raw: bytes, json_only: bool, pushed: PushedLines) -> None:
    try:
        document = msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pushed.refuse(_NO_JSON)
    else:
        pushed.take(line_of(document, raw, json_only=json_only))


def answer_lines(pushed: PushedLines, _media_type: str) -> PushAnswer:
    """Say how many records were taken, and of the others why they were not."""
    refused = [{"record": number + 1, "reason": reason} for number, reason in pushed.refused]
    taken = len(pushed.reasons) - len(refused)
    status = 400 if refused and not taken else 200
    return PushAnswer(status, {"taken": taken, "refused": len(refused), "errors": refused[:_MOST_TOLD]})


JSON_LINES = PushDialect("lines", read_lines, answer_lines)
