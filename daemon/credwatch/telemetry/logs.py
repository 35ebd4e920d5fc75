"""The daemon's own log: structured, fit for the journal, and free of secrets."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from credwatch.kernel.secret import Secret

_SECRET_KEYS = re.compile(r"password|passwd|secret|token|authorization|credential|\bcode\b|\bkey\b", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"(?i)\b(password|passwd|pwd|secret|token|authorization)(\s*[=:]\s*)(\"[^\"]*\"|\S+)")
_HIDDEN = "***"
_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2, "exception": 3}

Event = MutableMapping[str, Any]


def configure_logs(form: str = "auto", *, environ: MutableMapping[str, str] | None = None) -> None:
    """Send structured logs to stderr: `json`, `text`, or `auto`, which is text with priorities for the journal.

    Under systemd (JOURNAL_STREAM is set) lines begin with `<N>`, sd-daemon(3), and carry no time: the journal has it.
    """
    in_journal = "JOURNAL_STREAM" in (os.environ if environ is None else environ)
    shared: list[Any] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, redact]
    if not (in_journal and form == "auto"):
        shared.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    shared.append(structlog.processors.format_exc_info)
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    if form != "json":
        renderer = structlog.processors.KeyValueRenderer(key_order=["event"], drop_missing=True)
    if in_journal and form == "auto":
        renderer = _prioritised(renderer)
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Forwarder()], force=True)


def redact(_logger: object, _method: str, event: Event) -> Event:
    """Hide secrets: by their type, by the name of their key, and where a text says `password=…`."""
    return {key: _HIDDEN if _SECRET_KEYS.search(key) else _clean(value) for key, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, Secret):
        return _HIDDEN
    if isinstance(value, str):
        return _SECRET_TEXT.sub(rf"\1\2{_HIDDEN}", value)
    if isinstance(value, dict):
        return {key: _HIDDEN if _SECRET_KEYS.search(str(key)) else _clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value


def _prioritised(renderer: Any) -> Any:
    def render(logger: object, method: str, event: Event) -> str:
        priority = _PRIORITY.get(str(event.pop("level", method)), 6)
        return f"<{priority}>{renderer(logger, method, event)}".replace("\n", f"\n<{priority}>")

    return render


class _Forwarder(logging.Handler):
    """Takes what libraries log through the standard module into the same stream."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        say = structlog.get_logger(record.name)
        error = record.exc_info[1] if record.exc_info else None
        say.log(record.levelno, record.getMessage(), exc_info=error)
