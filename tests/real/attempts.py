"""What credwatch makes of lines that real programs wrote: the attempts it counts, way by way."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from credwatch.enrich.habits.attempts import AttemptPairing, mark_attempts
from credwatch.enrich.habits.tellings import repeats
from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.rules.packs.packs import load_packs
from real.debian import Guest

MARK = 'mark() { logger --tag way --priority auth.info "$1"; }\n'
"""A function of the shell that writes the name of a way into the log, before the lines of it."""


def logs_by_way(guest: Guest) -> dict[str, str]:
    """Part a guest's log by its marks, once the mark `end` is written; systemd's lines are about its own sessions."""
    guest.until(lambda: " way: end\n" in guest.read("/var/log/auth.log"), "rsyslog has written everything")
    lines = guest.read("/var/log/auth.log").splitlines(keepends=True)
    log = "".join(line for line in lines if "systemd" not in line.split()[2])
    parts = re.split(r"^\S+ \S+ way: (\S+)\n", log, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def read_log(log: str) -> Parsed:
    """Read lines with the shipped packs."""
    lines = split_lines(log.encode(), 0)
    packs = load_packs(shipped("rules") / "packs")
    return parse(lines, packs=packs, source=SourceFormat("real"), reference=datetime.now(UTC))


def attempts(parsed: Parsed) -> list[tuple[str, int, dict[str, Any]]]:
    """List what counts: of which kind (`guess`, `key`, `login`), for how many, and the event."""
    marked, _ = mark_attempts(parsed.events, AttemptPairing())
    rows = zip(marked.to_dicts(), repeats(marked).tolist(), strict=True)
    return [(_kind(event), count, event) for event, count in rows if event["credwatch.attempt"]]


def count_kinds(counted: list[tuple[str, int, dict[str, Any]]]) -> dict[str, int]:
    """Sum them up by kind."""
    return {kind: sum(count for is_kind, count, _ in counted if is_kind == kind) for kind in ("guess", "key", "login")}


def _kind(event: dict[str, Any]) -> str:
    if event["event.outcome"] == "success":
        return "login"
    return "key" if event.get("credwatch.auth.method") in {"publickey", "hostbased"} else "guess"
