"""Accounts of a machine: passwd(5), shadow(5) and group(5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.posture.options import ShadowOptions
from credwatch.posture.readers.files import content_of
from credwatch.posture.rows import Row

_NO_SHELL = frozenset({"nologin", "false", "sync", "halt", "shutdown", "true"})
_FIRST_PERSON, _NOBODY = 1000, 65534
"""Uids below are of programs, as useradd(8) gives them (UID_MIN of login.defs(5))."""
_MOST_BYTES = 64 * 1024 * 1024
_EPOCH = date(1970, 1, 1)


class ShadowReader:
    """Reads the three files; a machine without a readable shadow is an error, for it has all that matters."""

    def __init__(self, options: ShadowOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    def rows(self) -> Iterator[Row]:
        """Give every account of passwd, with its password and groups; see `AccountReader`."""
        options = self._options
        shadow = {fields[0]: fields for fields in self._lines(options.shadow, 9)}
        groups = self._groups()
        for fields in self._lines(options.passwd, 7):
            name, stored, uid, gid, _, _, shell = fields[:7]
            row = _row(name, uid, shell)
            row["roles"] = sorted({*groups[f":{gid}"], *groups[name]})
            own = shadow.get(name)
            yield row | (_secrets(own, self._clock().date()) if own else {"password": stored})

    def _groups(self) -> Mapping[str, list[str]]:
        """Gather the groups of each member, and under `:GID` the name of each group."""
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for name, _, gid, members in self._lines(self._options.group, 4):
            groups[f":{gid}"].append(name)
            for member in members.split(","):
                groups[member.strip()].append(name)
        return groups

    def _lines(self, path: Path, least: int) -> Iterator[list[str]]:
        """Give the fields of each line; a line with fewer than it must have is an error, as it is for login(1)."""
        for number, line in enumerate(self._text(path).splitlines(), 1):
            if not line.strip() or line[0] in "#+-":
                continue  # comments, and what compat mode of nsswitch.conf(5) adds
            fields = line.split(":")
            if len(fields) < least:
                message = f"line {number} has {len(fields)} fields, and should have {least}"
                raise SourceError(message, where=str(path), hint="see passwd(5), shadow(5) and group(5)")
            yield fields

    def _text(self, path: Path) -> str:
        hint = "let the daemon's user read it, such as by the group shadow"
        return content_of(path, _MOST_BYTES, hint).decode("utf-8", "replace")


def _row(name: str, uid: str, shell: str) -> dict[str, Any]:
    number = int(uid) if uid.isdecimal() and len(uid) < 20 else -1
    is_person = number == 0 or (number >= _FIRST_PERSON and number != _NOBODY)
    return {
        "account": name,
        "kind": "person" if is_person else "service",
        "interactive": Path(shell).name not in _NO_SHELL if shell else True,
        "enabled": True,
        "privileged": number == 0,
    }


def _secrets(fields: list[str], today: date) -> dict[str, Any]:
    """Read a line of shadow: day 0 means that the password must be changed, and an empty field that nobody knows."""
    _, stored, changed, _, _, _, _, expires, *_ = fields
    row: dict[str, Any] = {"password": stored}
    if changed.isdecimal() and changed != "0":
        row["password_changed_at"] = _day(changed)
    if expires.isdecimal():
        row["enabled"] = _day(expires) > today
    return row


def _day(days: str) -> date:
    try:
        return _EPOCH + timedelta(days=int(days))
    except (OverflowError, ValueError):
        return date.max
