"""Finds the line that a shipper has put into a document of its own, and what it tells of host and program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from credwatch.sources.journal.entry import Entry
from credwatch.sources.journal.entry import line_of as entry_line

_MESSAGES = ("message", "log", "MESSAGE", "msg", "body")
"""Where shippers put the line; the first that is there counts."""

_OF_SHIPPERS = frozenset(
    (
        *("@timestamp", "@version", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "_HOSTNAME"),
        *("_PID", "_SYSTEMD_UNIT", "_id", "_index", "_p", "agent", "appname", "beat", "client", "cloud", "container"),
        *(
            "data_stream",
            "date",
            "docker",
            "ecs",
            "event",
            "facility",
            "fields",
            "file",
            "filename",
            "host",
            "hostname",
        ),
        *(
            "id",
            "ident",
            "input",
            "key",
            "kubernetes",
            "labels",
            "level",
            "log",
            "logger",
            "metadata",
            "msgid",
            "offset",
        ),
        *(
            "path",
            "pid",
            "pri",
            "priority",
            "prival",
            "process",
            "procid",
            "program",
            "programname",
            "prospector",
            "seq",
        ),
        *("service", "severity", "source", "source_host", "source_ip", "source_type", "stream", "structured_data"),
        *("syslog", "syslog-tag", "syslogtag", "tag", "tags", "time", "timegenerated", "timestamp", "type", "version"),
    )
)
"""What else stands in a document that is only a wrapping; one with any other key tells something itself."""

_OF_FILES = ("log", "file", "path", "offset", "agent", "source_type", "filename")
"""What a shipper adds that has read the line from a file, or from what a container has printed."""

_JOURNALS = frozenset(("_BOOT_ID", "_MACHINE_ID", "__REALTIME_TIMESTAMP"))
"""Fields that journald gives to every entry; an entry has one of them at least, whatever a shipper leaves out."""

_OF_EVENT = frozenset(("created", "dataset", "ingested", "module", "original", "timezone"))
"""What a shipper writes under `event`; an application writes `action` there."""

_PROGRAMS = (
    *("appname", "ident", "program", "programname", "SYSLOG_IDENTIFIER", "process.name", "syslog.appname"),
    *("log.syslog.appname", "app_name", "syslog_identifier", "identifier"),
)
_HOSTS = ("hostname", "host.hostname", "host.name", "host", "_HOSTNAME", "source_host")
_PIDS = ("procid", "pid", "process.pid", "syslog.procid", "log.syslog.procid", "SYSLOG_PID", "_PID")
_TIMES = ("@timestamp", "timestamp", "time", "date")

_HEADED = re.compile(
    r"<\d{1,3}>|\{|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d |\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[?\d{1,2}/[A-Z][a-z]{2}/\d{4}"
)
"""How a line begins that has a time, or an object, of its own."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_NAME = re.compile(r"[^!-~]")
_PRIORITY = 13
"""user.notice: what logger(1) writes where nobody says anything else."""


def line_of(document: Mapping[str, Any], raw: bytes, *, json_only: bool) -> bytes:
    """Return the line within a document, or the document itself as one line where it is no wrapping.

    `raw` is the document as it was sent. A document is a wrapping where it has a message, and beside it only what
    shippers add: then the message has a header of its own, or it is from a file, or the document names its program.
    Such a message without a header is given one of RFC 5424. An entry of the journal becomes the line that the journal
    source would make of it, forged names included.
    With `json_only` only a message that is an object is taken out.
    """
    if "MESSAGE" in document and not _JOURNALS.isdisjoint(document):
        return _of_journal(document)
    message = _message(document)
    if message is None or (json_only and not message.lstrip().startswith("{")):
        return whole(document, raw)
    return headed(message, document)


def _of_journal(document: Mapping[str, Any]) -> bytes:
    fields = {name: value if isinstance(value, list) else str(value) for name, value in document.items()}
    fields.setdefault("__REALTIME_TIMESTAMP", fields.get("_SOURCE_REALTIME_TIMESTAMP", ""))
    try:
        entry = msgspec.convert(fields, Entry)
    except msgspec.ValidationError:  # the time is no text
        entry = msgspec.convert({name: value for name, value in fields.items() if name[:2] != "__"}, Entry)
    return entry_line(entry).rstrip(b"\n")


def whole(document: Mapping[str, Any], raw: bytes) -> bytes:
    """Return a document as one line: as it was sent, where that is one line."""
    return msgspec.json.encode(document) if b"\n" in raw or b"\r" in raw or not raw else raw


def headed(message: str, about: Mapping[str, Any]) -> bytes:
    """Return a message as a line, with a header where it has none and `about` names its program."""
    message = message.rstrip("\r\n")
    text = _CONTROL.sub(lambda match: f"#{ord(match[0]):03o}", message)
    program = _first(about, _PROGRAMS)
    if program and text and not _HEADED.match(text):
        host, pid = _first(about, _HOSTS), _first(about, _PIDS)
        header = f"{_stamp(about)} {_name(host)} {_name(program)} {pid if pid.isdecimal() else '-'} - -"
        text = f"<{_PRIORITY}>1 {header} {text}"
    return text.encode("utf-8", "surrogatepass")


def at(document: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path, whose keys may be written with dots or as objects; None where nothing does."""
    if path in document:
        return document[path]
    key, _, rest = path.partition(".")
    within = document.get(key)
    return at(within, rest) if rest and isinstance(within, Mapping) else None


def _message(document: Mapping[str, Any]) -> str | None:
    original = at(document, "event.original")
    if isinstance(original, str):
        return original
    key = next((key for key in _MESSAGES if isinstance(document.get(key), str)), None)
    if key is None or not all(name == key or name.partition(".")[0] in _OF_SHIPPERS for name in document):
        return None
    event = document.get("event", {})
    if isinstance(event, Mapping) and not _OF_EVENT.issuperset(event):
        return None
    message = str(document[key])
    is_line = key == "log" or _HEADED.match(message) or any(name in document for name in _OF_FILES)
    return message if is_line or _first(document, _PROGRAMS) else None


def _first(document: Mapping[str, Any], paths: tuple[str, ...]) -> str:
    for path in paths:
        if isinstance(value := at(document, path), str | int) and str(value):
            return str(value)
    return ""


def _stamp(document: Mapping[str, Any]) -> str:
    """Write the time of a document as RFC 5424 does; numbers are seconds, or parts of them where they are too large."""
    value = next((value for path in _TIMES if (value := at(document, path)) not in (None, "")), None)
    if isinstance(value, int | float):
        return _moment(float(value))
    text = str(value or "").replace(" ", "T", 1)
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?", text):
        text += "Z"
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)", text):
        return re.sub(r"(\.\d{6})\d+", r"\1", text)
    return _moment(float(text)) if re.fullmatch(r"\d{9,19}(?:\.\d+)?", text) else "-"


def _moment(number: float) -> str:
    while number > 1e11:
        number /= 1000
    if number <= 0:
        return "-"
    return f"{datetime.fromtimestamp(number, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _name(text: str) -> str:
    return _NO_NAME.sub("_", text)[:255] or "-"
