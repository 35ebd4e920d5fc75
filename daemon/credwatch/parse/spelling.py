"""Gives each account one spelling, whoever wrote its name: escapes of the writer undone, letters composed.

OpenSSH writes names by vis(3): a backslash as two, bytes beyond ASCII as three octal digits behind a backslash. rsyslog
can write such bytes as three octal digits behind `#`. Two programs may compose one letter of two code points or one
(Unicode NFC). What the line said stays in `event.original`. Only what means a visible letter is undone: an escaped
control character stays escaped, so that a name cannot forge a line.
"""

from __future__ import annotations

import re

import polars as pl

_NAMES = ("user.name", "user.effective.name", "user.target.name")
_UNUSUAL = r"\\|#[23][0-7]{2}|[^\x00-\x7f]"
"""What stands in every name that may be spelled otherwise; most have none of it."""
_OCTETS = re.compile(r"(?:\\[23][0-7]{2})+|(?:#[23][0-7]{2})+")


def respelled(events: pl.DataFrame) -> pl.DataFrame:
    """Write the names of accounts in an events frame in their one spelling; rows and columns stay.

    Distinct names are looked at once.
    """
    for column in (name for name in _NAMES if name in events.columns):
        names = events[column].unique().drop_nulls()
        unusual = names.filter(names.str.contains(_UNUSUAL))
        if len(unusual):
            spelled = unusual.map_elements(_plain, pl.String).str.normalize("NFC")
            events = events.with_columns(pl.col(column).replace(unusual, spelled))
    return events


def _plain(name: str) -> str:
    return _OCTETS.sub(_letters, name).replace("\\\\", "\\")


def _letters(octets: re.Match[str]) -> str:
    """Read the bytes as UTF-8; what is none stays as it is written."""
    try:
        return bytes(int(digits, 8) for digits in re.findall(r"[0-7]{3}", octets[0])).decode()
    except UnicodeDecodeError:
        return octets[0]
