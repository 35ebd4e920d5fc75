"""Sets up the log: one line an event, for the journal, a terminal or a log collector, without secrets."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from credwatch.kernel.legible import LONGEST_IN_A_LOG, in_a_log, in_json
from credwatch.telemetry.redaction import redact_event

LogFormat = Literal["auto", "json", "text"]

_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "exception": 3, "critical": 2}
_LEADING = ("timestamp", "level", "event")


def configure_logs(
    form: LogFormat = "auto",
    *,
    level: str = "info",
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send every log event, also those of libraries, to a stream (standard error by default) as one line each.

    `text` and `auto` write key=value, `json` one object. Where the stream is the journal ($JOURNAL_STREAM,
    systemd.exec(5)), a line begins with its priority as `<6>` (sd-daemon(3)) and carries no time, for the journal has
    both. Libraries are heard from `warning` on. May be called again; the last call holds.
    """
    stream = stream or sys.stderr
    journal = _is_journal(stream, environ)
    processors = _processors("json" if form == "json" else "text", journal=journal)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, *processors],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _configure_libraries(stream, processors)


def _processors(form: Literal["json", "text"], *, journal: bool) -> list[Processor]:
    """List the steps from an event with its level to a line."""
    timed: list[Processor] = [] if journal else [structlog.processors.TimeStamper(fmt="iso", utc=True)]
    renderers: list[Processor] = [
        _printable,
        structlog.processors.LogfmtRenderer(key_order=_LEADING, drop_missing=True),
    ]
    if form == "json":
        renderers = [_bounded, structlog.processors.JSONRenderer(ensure_ascii=False), _json_line]
    return [*timed, structlog.processors.format_exc_info, redact_event, _LineFormat(renderers, journal=journal)]


class _LineFormat:
    """Renders an event to its line, behind its priority where the journal reads it."""

    def __init__(self, steps: list[Processor], *, journal: bool) -> None:
        self._steps = steps
        self._journal = journal

    def __call__(self, logger: Any, method: str, event: EventDict) -> str:
        priority = _PRIORITIES.get(str(event.get("level")), 6)
        line: Any = {key: event.pop(key) for key in _LEADING if key in event} | dict(event)
        for step in self._steps:
            line = step(logger, method, line)
        return f"<{priority}>{line}" if self._journal else str(line)


def _printable(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Write what has no ink as escapes, so that no event can speak to a terminal or begin a line."""
    return {_word(key): in_a_log(_value_text(value)) for key, value in event.items()}


def _bounded(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Keep each text short enough for the journal; numbers and lists stay what they are."""
    return {key: value[:LONGEST_IN_A_LOG] if isinstance(value, str) else value for key, value in event.items()}


def _json_line(_logger: object, _method: str, document: Any) -> Any:
    return in_json(str(document))


def _value_text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _word(key: str) -> str:
    return re.sub(r"[^\w.-]", "_", key)


def _configure_libraries(stream: TextIO, processors: list[Processor]) -> None:
    """Have the standard library's loggers, which most libraries use, write in the same way."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *processors],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether the stream is the one that $JOURNAL_STREAM names by device and inode."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
