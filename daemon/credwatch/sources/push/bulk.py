"""Elasticsearch's `POST /_bulk`: an action and a document by turns, and an answer for each.

https://www.elastic.co/guide/en/elasticsearch/reference/8.17/docs-bulk.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from credwatch.sources.push.pushed import TOO_LONG, PushAnswer, PushDialect, PushedLines
from credwatch.sources.push.refused import RequestRefused
from credwatch.sources.push.unwrapping import line_of

_ADDING = ("index", "create")


def read_bulk(body: bytes, _media_type: str, json_only: bool) -> PushedLines:
    """Read actions and documents; raises RequestRefused where an action is none, for then nothing behind it is sure."""
    pushed = PushedLines.none()
    lines = iter(line for line in body.split(b"\n") if line.strip())
    for raw in lines:
        action, about = _action(raw)
        pushed.labels.append((action, str(about.get("_index", "")), str(about.get("_id", ""))))
        document = next(lines, None) if action != "delete" else None
        if action not in _ADDING:
            pushed.refuse(f"{action} cannot be done here: lines are only added")
        elif document is None:
            pushed.refuse("the document is missing")
        else:
            _take(document, json_only, pushed)
    return pushed


def _action(raw: bytes) -> tuple[str, dict[str, Any]]:
    try:
        action = msgspec.json.decode(raw, type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefused(400, 'expected an action such as {"create": {}} before each document') from error
    name = next(iter(action), "")
    if len(action) != 1 or name not in (*_ADDING, "update", "delete"):
        raise RequestRefused(400, "expected one action: index, create, update or delete")
    return name, action[name]


def _take(raw: bytes, json_only: bool, pushed: PushedLines) -> None:
    try:
        document = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pushed.refuse("not a JSON object")
    else:
        pushed.take(line_of(document, raw.strip(), json_only=json_only))


def answer_bulk(pushed: PushedLines, _media_type: str) -> PushAnswer:
    """Answer each action by itself; the status of the whole is 200 whatever they came to."""
    items = [
        {action: _item(index, name, reason)}
        for (action, index, name), reason in zip(pushed.labels, pushed.reasons, strict=True)
    ]
    return PushAnswer(200, {"took": 0, "errors": bool(pushed.refused), "items": items})


def _item(index: str, name: str, reason: str) -> dict[str, Any]:
    about = {"_index": index, "_id": name}
    if reason:
        kind = "document_too_large" if reason == TOO_LONG else "mapper_parsing_exception"
        return {**about, "status": 400, "error": {"type": kind, "reason": reason}}
    return {**about, "_version": 1, "result": "created", "status": 201}


BULK = PushDialect("bulk", read_bulk, answer_bulk)
