"""A batch: whole lines of one log, which say themselves which bytes of it they are.

On the way it is a body with headers. What the headers say is the sender's word, and is held against the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import get_args
from urllib.parse import quote, unquote

from msgspec import Struct

from credwatch.kernel.options import known_zone
from credwatch.parse.look_back import BEFORE_BYTES
from credwatch.sources.interface import LINE_LIMIT
from credwatch.sources.named import LineFormat
from credwatch.sources.push.refused import RequestRefused
from credwatch.sources.push.unpacking import unpacked

HOST = "Credwatch-Host"
LOG = "Credwatch-Log"
SERIES = "Credwatch-Series"
RANGE = "Credwatch-Range"
BEFORE = "Credwatch-Before"
REFERENCE = "Credwatch-Reference"
FORMAT = "Credwatch-Format"
ZONE = "Credwatch-Zone"
ENCODING = "Content-Encoding"

MOST_LINE_BYTES = LINE_LIMIT + 1
"""A longer line, its newline included, is refused: of a file its rest would have been dropped."""

MOST_NAME = 512
"""So many letters a host, or a log, may have in its name."""

_SERIES = re.compile(r"[A-Za-z0-9-]{8,64}")
_RANGE = re.compile(r"(\d{1,18})-(\d{1,18})")
_NUMBER = re.compile(r"\d{1,18}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_000_000
"""Microseconds since the epoch up to the year 9999."""

_OURS = tuple(name.lower() for name in (HOST, LOG, SERIES, RANGE, BEFORE, REFERENCE, FORMAT, ZONE))


class BatchRefused(Exception):
    """Says why a batch cannot be taken: a reason of `UNTRUE`, and what is wrong in a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class LogBatch(Struct, frozen=True):
    """Consecutive lines of one log of one host."""

    host: str
    """Which host they are from, as its collector is told."""
    log: str
    """Which log of the host: the path of a file, or `journal`."""
    series: str
    """What its positions count in: another one where the collector has lost its own."""
    begin: int
    """How many bytes of lines of the log were shipped before."""
    data: bytes
    """The lines, a newline behind each."""
    before: bytes = b""
    """Lines that stand before them in the log, where one of them may stand for one of those."""
    reference: datetime | None = None
    """When the log was last written, UTC."""
    format: LineFormat | None = None
    """How its lines begin; None where the source says it."""
    zone: str = ""
    """The time zone of stamps that say none; empty where the source says it."""

    @property
    def end(self) -> int:
        """How many bytes of lines of the log were shipped with it."""
        return self.begin + len(self.data)

    @property
    def key(self) -> str:
        """Name it as nothing else is named: what `Nats-Msg-Id` has."""
        return f"{self.series}:{quote(self.log, safe='/')}:{self.begin}-{self.end}"


def headers_of(batch: LogBatch) -> dict[str, str]:
    """Write what a batch says of itself."""
    headers = {
        HOST: quote(batch.host),
        LOG: quote(batch.log),
        SERIES: batch.series,
        RANGE: f"{batch.begin}-{batch.end}",
        BEFORE: str(len(batch.before)) if batch.before else "",
        REFERENCE: str((batch.reference - _EPOCH) // timedelta(microseconds=1)) if batch.reference else "",
        FORMAT: batch.format or "",
        ZONE: batch.zone,
    }
    return {name: value for name, value in headers.items() if value}


def is_batch(headers: Mapping[str, str]) -> bool:
    """Tell whether a message says of itself that it is a batch, be it right or wrong."""
    return any(name.lower() in _OURS for name in headers)


def read_body(headers: Mapping[str, str], body: bytes, most_bytes: int) -> bytes:
    """Unpack a body; raises BatchRefused."""
    encoding = next((value for name, value in headers.items() if name.lower() == ENCODING.lower()), "")
    try:
        return unpacked(body, encoding, most_bytes)
    except RequestRefused as error:
        raise BatchRefused("too_large" if error.status == 413 else "damaged", error.message) from error


def read_batch(headers: Mapping[str, str], text: bytes) -> LogBatch:
    """Read a batch from its headers, whatever their case, and its unpacked body; raises BatchRefused."""
    words = {name.lower(): value for name, value in headers.items()}
    span = _RANGE.fullmatch(words.get(RANGE.lower(), ""))
    series = words.get(SERIES.lower(), "")
    if span is None or not _SERIES.fullmatch(series):
        raise BatchRefused("bad_headers", f"a batch says {SERIES}, and {RANGE} as BEGIN-END")
    before = _number(words, BEFORE, BEFORE_BYTES)
    data = text[before:]
    begin, end = int(span[1]), int(span[2])
    if end - begin != len(data) or before > len(text):
        raise BatchRefused("false_range", f"its range has {end - begin} bytes, and its lines have {len(data)}")
    _refuse_odd_lines(data)
    moment = _number(words, REFERENCE, _LATEST)
    return LogBatch(
        host=_name(words, HOST),
        log=_name(words, LOG),
        series=series,
        begin=begin,
        data=data,
        before=text[:before],
        reference=_EPOCH + timedelta(microseconds=moment) if moment else None,
        format=_format(words),
        zone=_zone(words),
    )


def _refuse_odd_lines(data: bytes) -> None:
    if not data.endswith(b"\n"):
        raise BatchRefused("false_range", "a batch has whole lines: it ends with a newline")
    if len(data) > MOST_LINE_BYTES and any(len(line) >= MOST_LINE_BYTES for line in data.split(b"\n")):
        raise BatchRefused("too_large", f"a line has more than {LINE_LIMIT} bytes")


def _number(words: Mapping[str, str], name: str, most: int) -> int:
    text = words.get(name.lower(), "0")
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise BatchRefused("bad_headers", f"{name} is no number from 0 to {most}")
    return int(text)


def _name(words: Mapping[str, str], name: str) -> str:
    text = unquote(words.get(name.lower(), ""), errors="replace")
    if not text or len(text) > MOST_NAME or not text.isprintable():
        raise BatchRefused("bad_headers", f"{name} is missing, too long, or has letters that cannot be printed")
    return text


def _format(words: Mapping[str, str]) -> LineFormat | None:
    stated = words.get(FORMAT.lower())
    form: LineFormat | None = next((form for form in get_args(LineFormat) if form == stated), None)
    if stated is not None and form is None:
        raise BatchRefused("bad_headers", f"{FORMAT} is {', '.join(get_args(LineFormat))}")
    return form


def _zone(words: Mapping[str, str]) -> str:
    name = words.get(ZONE.lower(), "")
    try:
        return known_zone(name) if name else ""
    except ValueError as error:
        raise BatchRefused("bad_headers", f"{ZONE} is no time zone") from error
