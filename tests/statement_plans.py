"""Watches the statements that the product sends to its stores, and how SQLite means to answer each."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import credwatch

_PRODUCT = str(Path(credwatch.__file__).parent)
_TESTS = str(Path(__file__).parent)
_MIGRATIONS = f"{_PRODUCT}/store/migrations"
_COPYING = f"{_PRODUCT}/store/copying.py"
"""What copies a whole store reads all of it."""

BOUNDED = {
    "access_requests": "what staff have asked for by hand",
    "account_findings": "one row for each account and rule that it breaks now",
    "account_readings": "one row for each source of accounts",
    "alembic_version": "one row",
    "archive_keys": "one row for each customer",
    "cursors": "one row for each file that is followed",
    "engine_values": "a few values",
    "factors": "one row for each account",
    "finding_lines": "what waits to be written, a thousand at a time",
    "finding_reminders": "one row for each finding that stands and each of its readers",
    "password_audits": "one row for each account whose password was tried",
    "profiles": "the habits of the accounts that are known, written anew once their changes are as many",
    "rhythms": "one row for each source",
    "secrecy_orders": "what two people have agreed on by hand, or authorisations name",
    "silences": "what people have made by hand and retention keeps",
    "source_times": "one row for each source",
    "trail": "the latest lines, cut with each batch that adds some",
    "unarchived": "what waits for the archive, as much as archive.waiting_bytes; asked by an index without the events",
    "unparsed": "the latest ten thousand",
    "watermarks": "one row for each file that is followed",
    "window_rows": "what windows hold",
    "words": "the words of two generations",
}
"""Tables that do not grow with time, and why: they may be read whole."""

OPEN = {
    "blind_intervals_open",
    "commands_waiting",
    "episodes_open",
    "incidents_held",
    "incidents_open",
    "incidents_open_found",
    "incidents_untouched",
    "legal_clocks_running",
    "measures_moving",
    "receipts_begun",
    "silences_untold",
    "tellings_waiting",
}
"""Indexes that have only what is open: they may be walked from end to end."""

_SCAN = re.compile(r"SCAN (?P<name>\S+)(?: USING (?:COVERING )?INDEX (?P<index>\S+))?(?P<virtual> VIRTUAL TABLE)?$")
_MADE_ON_THE_WAY = re.compile(r"(?:MATERIALIZE|CO-ROUTINE) (?P<name>\S+)")


def is_walk(statement: str, plan: list[str]) -> bool:
    """Say whether rows come as they lie or in the order of an index, and no more of them than the statement's limit."""
    is_sorted = any("TEMP B-TREE FOR ORDER BY" in step for step in plan)
    return "LIMIT" in statement and ("ORDER BY" in statement or "WHERE" not in statement) and not is_sorted


def full_scans(statement: str, plan: list[str]) -> list[str]:
    """Give the steps of a plan that read all of a table that grows with time."""
    made = {match["name"] for step in plan if (match := _MADE_ON_THE_WAY.match(step))}
    scans = (match for step in plan if (match := _SCAN.match(step.split(" VIRTUAL TABLE")[0])))
    grown = [
        scan.group()
        for scan in scans
        if scan["name"] not in {*BOUNDED, *made, "CONSTANT", "sqlite_master"}
        and scan["index"] not in OPEN
        and not is_walk(statement, plan)
        and not any(step.startswith(f"{scan.group()} VIRTUAL TABLE") for step in plan)
    ]
    return [f"{scan}: {' '.join(statement.split())}" for scan in grown]


def _is_the_products() -> bool:
    """Say whether the innermost frame that is ours is the product's, and no migration."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_PRODUCT):
            return not name.startswith((_MIGRATIONS, _COPYING)) and frame.f_code.co_name != "upgrade"
        if name.startswith(_TESTS):
            return False
        frame = frame.f_back  # type: ignore[assignment]
    return False


class Watch:
    """Looks at each statement once, the first time that it is sent."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.scans: list[str] = []

    def note(self, connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        """Ask how the statement will be answered; what SQLAlchemy calls before each."""
        if statement in self.seen or not statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            return
        if connection.dialect.name != "sqlite" or not _is_the_products():
            return
        self.seen.add(statement)
        with suppress(sqlite3.Error):  # the statement itself meets what is wrong with it
            asked = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters[0] if many else parameters)
            self.scans += full_scans(statement, [str(row[-1]) for row in asked])

    def take(self) -> Iterable[str]:
        """Give what was found since the last time."""
        taken, self.scans = self.scans, []
        return taken
