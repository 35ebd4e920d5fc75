"""Numbered lines whose fates are known beforehand, for any source that carries lines of syslog or of JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from scenarios.lines import at, guessing, ssh

NUMBERED_LINE = "7d2c1f0e-0002-4000-8000-000000000001"
"""The rule of `EACH_LINE`."""

EACH_LINE = f"""
---
title: A numbered line
id: {NUMBERED_LINE}
name: numbered_line
logsource: {{category: authentication}}
detection:
  numbered: {{event.action: login, event.outcome: success, user.name|startswith: line-}}
  condition: numbered
level: low
"""
"""A detection for each line: its count says how often the line was taken."""

ATTACKED = "quocbao"
"""Whose account the attacks are at. What their lines tell follows from the order in which they are read, so a driver
keeps it for them: they are of one host, and of one log."""

_ROUND = 24
_CALM = 5


class NumberedLine(Struct, frozen=True):
    """One line, and what must become of it."""

    text: str
    """What is written."""
    account: str = ""
    """The account that no other line names; empty where the line is one of an attack."""
    is_unread: bool = False
    """No pack reads it."""


def numbered_lines(count: int, *, attacks: bool) -> list[NumberedLine]:
    """Write so many lines, a second apart: mostly logins of an account each, attacks, and what no pack reads."""
    lines: list[NumberedLine] = []
    for round_ in range(count // _ROUND + 1):
        begin = round_ * 60
        if attacks and round_ % _CALM == 0:
            lines += [NumberedLine(text) for text in guessing(begin, ATTACKED, f"203.0.113.{round_ % 250}")]
        lines += [_login(begin + 22 + n, round_ * 100 + n) for n in range(_ROUND - 1)]
        lines += [NumberedLine(unread(begin + 50, round_), is_unread=True)]
    return lines[:count]


def _login(seconds: int, number: int) -> NumberedLine:
    account = f"line-{number}"
    return NumberedLine(ssh(seconds, "Accepted", account, "198.51.100.4", process=10_000 + number), account)


def unread(seconds: int, number: int) -> str:
    """Write what no pack reads."""
    return f"{at(seconds)} srv1 unheard-of[1]: no pack knows {number}"


def number_in(text: str) -> int:
    """Give the number of a line that no pack reads, in whatever dress it has come."""
    (number,) = re.findall(r"no pack knows (\d+)", text)
    return int(number)


def accounts(lines: Sequence[NumberedLine]) -> set[str]:
    """Name the accounts that lines name."""
    return {line.account for line in lines} - {""}
