"""What services and databases are asked for: pages, refusals, and rows that are committed out of their order."""

from __future__ import annotations

import random
import re
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from kills.journals import parts
from kills.numbered import ATTACKED
from rest_services import OktaServer, okta_event, stamp
from scenarios.daemon import Site
from scenarios.lines import BEGIN
from scenarios.pulling import service_source

_LOGIN = re.compile(r"(?P<outcome>Failed|Accepted) password for (?P<user>\S+) from (?P<address>\S+) port")
_LATELY = time.time() - 2 * 86_400
"""When the first line was written: a service is not asked for what is too old."""


def _login(text: str) -> tuple[str, str, str] | None:
    """Give outcome, account and address of a login; None where a message tells of none."""
    match = _LOGIN.match(text)
    return match and (match["outcome"], match["user"], match["address"])


class RestDriver:
    """A service like Okta, of small pages."""

    loses = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = OktaServer()
        self._server.most = 7
        self._number = 0

    def settings(self) -> str:
        """Ask it every second."""
        return service_source(self._server, self._folder).replace('"service"', '"rest"')

    def furnished(self, site: Site) -> None:
        """Need nothing of it."""

    def write(self, lines: Sequence[str], chance: random.Random) -> None:
        """Store an event for each line."""
        self._server.add(*map(self._event, lines))

    def disturb(self, chance: random.Random) -> None:
        """Fail once, as services do."""
        self._server.refuse(chance.choice((429, 500, 503)), Retry_After="1")

    def close(self) -> None:
        """End the service."""
        self._server.close()

    def _event(self, line: str) -> dict[str, Any]:
        self._number += 1
        written, _, _, _, message = parts(line)
        seconds = _LATELY + (datetime.fromisoformat(written) - BEGIN).total_seconds()
        if (login := _login(message)) is None:
            return {"published": stamp(seconds), "uuid": f"uuid-{self._number}", "note": message}
        outcome = {"result": "SUCCESS", "reason": None} if login[0] == "Accepted" else {"result": "FAILURE"}
        actor = {"id": login[1], "type": "User", "alternateId": login[1]}
        return okta_event(self._number, seconds, actor=actor, outcome=outcome, client={"ipAddress": login[2]})


_COLUMNS = ("schema", "@timestamp", "event.action", "event.outcome", "user.name", "source.ip", "note")


class SqlDriver:
    """A table in a file, in which rows appear behind others of greater numbers."""

    loses = False

    def __init__(self, folder: Path) -> None:
        self._file = folder / "site.sqlite"
        self._number = 0
        columns = ", ".join(f'"{name}" TEXT' for name in _COLUMNS)
        self._run(f"CREATE TABLE lines (id INTEGER PRIMARY KEY, {columns})", [()])

    def settings(self) -> str:
        """Ask it for what is new."""
        query = "SELECT * FROM lines WHERE id > :cursor ORDER BY id"
        url = f"sqlite:///{self._file}"
        return (
            f'[[source]]\nid = "sql"\nkind = "sql"\nurl = "{url}"\nquery = "{query}"\nread_from = "start"\n'
            'interval = "1s"\nbatch_rows = 50\n'
        )

    def furnished(self, site: Site) -> None:
        """Need nothing of it."""

    def write(self, lines: Sequence[str], chance: random.Random) -> None:
        """Add a row for each line; a transaction that took its number early may commit last."""
        rows = [self._row(line) for line in lines]
        if chance.random() < 0.3 and not any(ATTACKED in line for line in lines):
            rows = [*rows[1:], rows[0]]
        marks = ", ".join("?" * (1 + len(_COLUMNS)))
        for row in rows:
            self._run(f"INSERT INTO lines VALUES ({marks})", [row])

    def disturb(self, chance: random.Random) -> None:
        """Leave it: what happens to a table happens in `write`."""

    def close(self) -> None:
        """Leave the file."""

    def _row(self, line: str) -> tuple[Any, ...]:
        self._number += 1
        written, _, _, _, message = parts(line)
        if (login := _login(message)) is None:
            return (self._number, None, written, None, None, None, None, message)
        outcome = "success" if login[0] == "Accepted" else "failure"
        return (self._number, "credwatch-app/1", written, "login", outcome, *login[1:], None)

    def _run(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with closing(sqlite3.connect(self._file, timeout=30)) as connection, connection:
            connection.executemany(statement, rows)
