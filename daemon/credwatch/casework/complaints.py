"""Finds in the store what is wrong with a daemon's work: what it does not see, what it owes, what was never kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from credwatch.casework.standing import StandingBook
from credwatch.kernel.errors import Problem, Severity

_QUIET = timedelta(minutes=5)
_BACKUP = timedelta(days=7)
_UNPARSED = 0.05
_SKEW_SECONDS = 30
_REMEDIES = {
    "silent": "does its writer run? Was it stopped by hand? docs/operations.md#credwatchsourcesilent",
    "unreadable": "journalctl -u credwatch says file and reason: docs/operations.md#credwatchsourcedown",
    "lagging": "it catches up by itself; if not: docs/operations.md#credwatchsourcebehind",
    "dropping": "let rotated logs stay longer: docs/operations.md#credwatchlineslost",
    "capped": "docs/operations.md#credwatchwindowfull",
}


class ComplaintBook(StandingBook):
    """Says what is wrong in a store that a daemon may be using; use it in a `with` block."""

    def is_current(self) -> bool:
        """Say whether the store's schema is that of this version; raises StoreError."""
        return self._database.is_current()

    def complaints(self, now: datetime) -> list[Problem]:
        """Return what is wrong, with what to do about it; raises StoreError where the store cannot be read."""
        if not self.is_current():
            hint = "start the daemon of this version on it, which upgrades it"
            return [Problem(self._database.where, "its schema is not that of this version", hint, Severity.FAULT)]
        return [*_found(self.standing(now), now)]


def _found(standing: dict[str, Any], now: datetime) -> Iterator[Problem]:
    yield from _checkpoint(standing["alive_at"], now)
    for interval in standing["blind"]:
        if not interval["ended_at"]:
            where = f"source {interval['source']}" if interval["source"] else "detection"
            remedy = _REMEDIES.get(interval["reason"], "docs/operations.md#what-was-not-seen")
            yield Problem(where, f"{interval['reason']} since {interval['started_at']}", remedy, Severity.FAULT)
    for source in standing["sources"]:
        yield from _source(source)
    yield from _owed(standing)
    yield from _backup(standing["backed_up_at"], now)


def _checkpoint(alive_at: str, now: datetime) -> Iterator[Problem]:
    if not alive_at:
        hint = "start the daemon; it looks once a minute"
        yield Problem("store", "no daemon has noted that it lives", hint, Severity.WARNING)
    elif now - datetime.fromisoformat(alive_at) > _QUIET:
        message = f"the daemon has not noted that it lives since {alive_at}"
        hint = "does it run, and does the store take writes? journalctl -u credwatch -p warning"
        yield Problem("store", message, hint, Severity.FAULT)


def _source(source: dict[str, Any]) -> Iterator[Problem]:
    where = f"source {source['id']}"
    if not source["heard_at"]:
        hint = "write a line to it, such as by `logger -p auth.info test`, and look whether it comes"
        yield Problem(where, "no line has ever been read of it", hint, Severity.WARNING)
    lines, unparsed = source["lines_today"], source["unparsed_today"]
    if lines and unparsed / lines > _UNPARSED:
        message = f"{unparsed} of its {lines} lines of today are in no pack: no rule sees them"
        yield Problem(where, message, "credwatch unparsed list", Severity.WARNING)
    if (source["skew_seconds"] or 0) > _SKEW_SECONDS:
        message = f"its clock is {source['skew_seconds']:g} seconds ahead"
        yield Problem(where, message, "mend NTP on the machine that writes it, or its time_zone here", Severity.WARNING)


def _owed(standing: dict[str, Any]) -> Iterator[Problem]:
    clocks, messages = standing["clocks"], standing["messages"]
    if clocks["overdue"]:
        hint = "docs/operations.md#credwatchclockoverdue"
        yield Problem("duties", f"the time of {clocks['overdue']} is over", hint, Severity.FAULT)
    if messages["refused"]:
        hint = "credwatch outbox list; then credwatch outbox retry"
        yield Problem("outbox", f"{messages['refused']} messages were refused", hint, Severity.FAULT)
    if messages["held"]:
        hint = "credwatch incidents list --held; then release or close them"
        yield Problem("outbox", f"{messages['held']} messages wait for a person", hint, Severity.WARNING)


def _backup(backed_up_at: str, now: datetime) -> Iterator[Problem]:
    hint = "credwatch backup FILE, by a timer, onto another machine"
    if not backed_up_at:
        yield Problem("store", "no backup has been made by `credwatch backup`", hint, Severity.WARNING)
    elif now - datetime.fromisoformat(backed_up_at) > _BACKUP:
        yield Problem("store", f"the last backup is of {backed_up_at}", hint, Severity.WARNING)
