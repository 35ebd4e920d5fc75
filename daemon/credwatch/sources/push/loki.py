"""Loki's `POST /loki/api/v1/push`, as JSON: streams of lines with labels.

https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from credwatch.sources.push.pushed import PushAnswer, PushDialect, PushedLines, refuse_media
from credwatch.sources.push.refused import RequestRefused
from credwatch.sources.push.unwrapping import headed, line_of


class LokiStream(Struct):
    """Lines that share their labels."""

    values: list[list[Any]]
    """A time in nanoseconds as text and a line each; a third element, structured metadata, may follow."""
    stream: dict[str, str] = field(default_factory=dict)
    """The labels."""


class LokiPush(Struct):
    """A body."""

    streams: list[LokiStream]
    """Its streams."""


def read_loki(body: bytes, media_type: str, json_only: bool) -> PushedLines:
    """Read the lines of all streams; raises RequestRefused. Snappy and protobuf, Loki's other form, are not read."""
    if media_type != "application/json":
        raise refuse_media(media_type, "application/json")
    try:
        push = msgspec.json.decode(body, type=LokiPush)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefused(400, f"the body is no push of Loki's: {error}") from error
    pushed = PushedLines.none()
    for stream in push.streams:
        for value in stream.values:
            _take(value, stream.stream, json_only, pushed)
    return pushed


def _take(value: list[Any], labels: dict[str, str], json_only: bool, pushed: PushedLines) -> None:
    match value:
        case [str(moment), str(line), *more]:
            metadata = more[0] if more and isinstance(more[0], dict) else {}
            about = {**labels, **metadata, "@timestamp": moment}
            pushed.take(_line(line, about, json_only))
        case _:
            pushed.refuse("expected a time as text, and a line")


def _line(line: str, about: dict[str, Any], json_only: bool) -> bytes:
    if line.startswith("{"):
        try:
            document = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return headed(line, about)
        return line_of(document, line.encode("utf-8", "surrogatepass"), json_only=json_only)
    return headed(line, about)


def answer_loki(pushed: PushedLines, _media_type: str) -> PushAnswer:
    """Answer 204, or 400 where a line could not be taken; the others are taken all the same, as Loki does."""
    if not pushed.refused:
        return PushAnswer(204)
    number, reason = pushed.refused[0]
    text = f"{len(pushed.refused)} of {len(pushed.reasons)} lines were not taken; line {number + 1}: {reason}\n"
    return PushAnswer(400, raw=text.encode(), media_type="text/plain")


LOKI = PushDialect("loki", read_loki, answer_loki)
