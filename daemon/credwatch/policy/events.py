"""Tells the rules what the gate decided: one `credwatch-app` event a line, in a file the daemon follows."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from msgspec import Struct

from credwatch.kernel.account import Account
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.errors import CredwatchError


class Action(StrEnum):
    """What the gate writes about: values of `event.action`."""

    PASSWORD_CHECK = "password_check"  # noqa: S105 - the name of an action
    PASSWORD_CHANGE = "password_change"  # noqa: S105 - the name of an action
    LOGIN_CHECK = "login_check"
    MFA_VERIFY = "mfa_verify"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_UNLOCKED = "account_unlocked"


_ABOUT_FACTORS = frozenset(Action) - {Action.PASSWORD_CHECK, Action.PASSWORD_CHANGE, Action.LOGIN_CHECK}
_ACTS_ON_AN_ACCOUNT = frozenset(Action) - {Action.PASSWORD_CHECK, Action.LOGIN_CHECK, Action.MFA_VERIFY}


class Caller(Struct, frozen=True):
    """For whom the application asks."""

    account: Account
    """The account concerned."""
    by: str = ""
    """The account that acts, where it is another: an administrator, a staff member."""
    source_ip: str = ""
    """The address the person came from; empty where unknown."""


class GateEvent(Struct, frozen=True):
    """One decision of the gate; it has no place for a password or a code."""

    at: datetime
    """When, UTC."""
    action: Action
    """What was asked or done."""
    caller: Caller
    """For whom."""
    succeeded: bool
    """The outcome."""
    reason: str = ""
    """Why it ended so, as a code or several with commas between."""
    why: str = ""
    """Why an operator did it, in the operator's words."""
    factor: str = "totp"
    """Which second factor it is about, where it is about one: totp or recovery_code."""


class EventError(CredwatchError):
    """An event of the gate could not be written."""


class GateEvents(Protocol):
    """Takes the gate's events."""

    def write(self, event: GateEvent) -> None:
        """Keep an event for good before returning; raise EventError where that fails.

        May be called from several threads, and again after a failure.
        """
        ...


class EventsFile:
    """Appends events to a file, each flushed to the disk before `write` returns.

    The file is opened anew for each event, so that it may be rotated at any time. It is made with mode 0640.
    """

    def __init__(self, path: Path, *, new_id: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        self._path = path
        self._new_id = new_id
        self._lock = Lock()

    def write(self, event: GateEvent) -> None:
        """Append one event as a JSON object on a line of its own."""
        line = json.dumps(rendered(event, self._new_id())).encode("ascii") + b"\n"
        try:
            with self._lock:
                self._append(line)
        except OSError as error:
            raise EventError(
                f"the event cannot be written: {error.strerror}",
                where=str(self._path),
                hint="check free space, and that the daemon may write there",
            ) from error

    def _append(self, line: bytes) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o640)
        try:
            if not _ends_a_line(descriptor):
                line = b"\n" + line  # A full disk or a crash tore the line before; this one must not grow onto it.
            while line:
                line = line[os.write(descriptor, line) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def rendered(event: GateEvent, event_id: str) -> dict[str, Any]:
    """Render an event by the schema `credwatch-app/1`, with ECS fields as nested objects and nothing empty."""
    caller = event.caller
    document = {
        "schema": "credwatch-app/1",
        "@timestamp": rfc3339(event.at),
        "event": {
            "provider": "credwatch-gate",
            "id": event_id,
            "action": event.action.value,
            "outcome": "success" if event.succeeded else "failure",
            "reason": event.reason,
        },
        "user": _people(event),
        "organization": {"id": caller.account.organization},
        "source": {"ip": caller.source_ip},
        "credwatch": {
            "mfa": {"factor": event.factor if event.action in _ABOUT_FACTORS else ""},
            "support": {"reason": event.why},
        },
    }
    return _without_empty(document)


def _people(event: GateEvent) -> dict[str, Any]:
    account = event.caller.account.user
    acting = event.caller.by or account
    if acting == account and event.action not in _ACTS_ON_AN_ACCOUNT:
        return {"name": acting}
    return {"name": acting, "target": {"name": account}}


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    content = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in document.items()}
    return {key: value for key, value in content.items() if value not in ("", {})}


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
