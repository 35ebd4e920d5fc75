"""What shippers push, in each dialect: a body is sent again until it is acknowledged."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from child_server import a_free_port
from kills.journals import exported
from scenarios.daemon import PATIENCE, Site
from scenarios.pushing import HASH, SOURCE, TOKEN

_AT_ONCE = 8
_NANOSECONDS = "1772420400000000000"

Said = tuple[str, str, str]
"""A path, a content type and a body."""


def _lines(lines: Sequence[str]) -> Said:
    return "/lines", "text/plain", "".join(f"{line}\n" for line in lines)


def _documents(lines: Sequence[str]) -> Said:
    return "/lines", "application/x-ndjson", "".join(json.dumps({"message": line}) + "\n" for line in lines)


def _bulk(lines: Sequence[str]) -> Said:
    body = "".join(f'{{"create":{{}}}}\n{json.dumps({"message": line})}\n' for line in lines)
    return "/_bulk", "application/x-ndjson", body


def _otlp(lines: Sequence[str]) -> Said:
    records = [{"timeUnixNano": _NANOSECONDS, "body": {"stringValue": line}} for line in lines]
    return (
        "/v1/logs",
        "application/json",
        json.dumps({"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": records}]}]}),
    )


def _loki(lines: Sequence[str]) -> Said:
    values = [[_NANOSECONDS, line] for line in lines]
    return (
        "/loki/api/v1/push",
        "application/json",
        json.dumps({"streams": [{"stream": {"job": "auth"}, "values": values}]}),
    )


def _journal(lines: Sequence[str]) -> Said:
    return "/upload", "application/vnd.fdo.journal", "".join(map(exported, lines))


DIALECTS: tuple[Callable[[Sequence[str]], Said], ...] = (_lines, _documents, _bulk, _otlp, _loki, _journal)


class PushDriver:
    """Pushes lines in one dialect after the other."""

    loses = False

    def __init__(self, folder: Path) -> None:
        self._port = a_free_port()
        self._client = self._opened()

    def settings(self) -> str:
        """Listen on a port of loopback."""
        source = f'[[source]]\nid = "{SOURCE}"\nkind = "push"\ntoken_hashes = ["{HASH}"]\n'
        return f"[push]\nport = {self._port}\n{source}"

    def furnished(self, site: Site) -> None:
        """Need nothing of it."""

    def write(self, lines: Sequence[str], chance: random.Random) -> None:
        """Push lines a few at a time, each until it is told that they were taken."""
        for begin in range(0, len(lines), _AT_ONCE):
            path, kind, body = chance.choice(DIALECTS)(lines[begin : begin + _AT_ONCE])
            self._deliver(path, kind, body.encode())

    def disturb(self, chance: random.Random) -> None:
        """Begin a connection anew, as behind a balancer."""
        self._client.close()
        self._client = self._opened()

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def _opened(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {TOKEN.reveal()}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self._port}", headers=headers, timeout=20)

    def _deliver(self, path: str, kind: str, body: bytes) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = self._client.post(path, content=body, headers={"Content-Type": kind})
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if answer.is_success:
                return
            assert answer.status_code in {429, 503}, answer.text
            time.sleep(0.1)
        raise AssertionError("a push was never acknowledged")
