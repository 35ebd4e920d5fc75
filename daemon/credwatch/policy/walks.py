"""Runs that hands and calendars make: keys side by side, letters and digits in order, years, dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

_ROWS = (
    "12345678901234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "qwertzuiopasdfghjklyxcvbnm",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "a1b2c3d4e5f6g7h8i9j0",
    "qweasdzxc",
    "147258369",
    "789456123",
    "02468",
    "13579",
    "!@#$%^&*()_+",
)
_SHORTEST = 3
_LONGEST = 40
_BENDING = 4
"""A walk that bends between neighbouring keys needs so many of them before it counts."""
_USUAL, _SHORT, _BENT = 15, 20, 18
_USUAL_OPENINGS = frozenset(["123", "321", "abc", "qwe", "asd", "zxc", "!@#"])

_YEAR = r"(?:19[4-9]\d|20[0-4]\d)"
_DAY, _MONTH = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])"
_DATES = tuple(
    re.compile(form)
    for form in (
        _YEAR,
        f"{_DAY}{_MONTH}{_YEAR}",
        f"{_MONTH}{_DAY}{_YEAR}",
        f"{_YEAR}{_MONTH}{_DAY}",
        rf"{_DAY}{_MONTH}\d\d",
        rf"\d\d{_MONTH}{_DAY}",
    )
)


def walks(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Give where walks that begin at `start` end, and what guessing each costs, in tenths of powers of ten."""
    end = start + _SHORTEST
    if text[start:end] in _openings():
        yield end, _USUAL if text[start:end] in _USUAL_OPENINGS else _SHORT
        while end < len(text) and end - start < _LONGEST and _on_a_row(text[start : end + 1]):
            end += 1
            yield end, _USUAL
    bending = _bending_end(text, start)
    if bending - start >= _BENDING:
        yield bending, _BENT + bending - start


def date_ends(text: str, start: int) -> tuple[int, ...]:
    """Return where years and dates that begin at `start` end."""
    if not text[start].isdecimal():
        return ()
    matches = (date.match(text, start) for date in _DATES)
    return tuple({match.end() for match in matches if match})


def _on_a_row(piece: str) -> bool:
    return any(piece in row for row in _both_ways())


@cache
def _both_ways() -> tuple[str, ...]:
    return tuple(way for row in _ROWS for way in (row, row[::-1]))


@cache
def _openings() -> frozenset[str]:
    return frozenset(row[at : at + _SHORTEST] for row in _both_ways() for at in range(len(row) - _SHORTEST + 1))


def _bending_end(text: str, start: int) -> int:
    neighbours, end = _neighbours(), start + 1
    while end < len(text) and end - start < _LONGEST and text[end] in neighbours.get(text[end - 1], ""):
        end += 1
    return end


@cache
def _neighbours() -> dict[str, frozenset[str]]:
    """Return which keys lie beside each key, as zxcvbn's map of the keyboard has it."""
    from zxcvbn.adjacency_graphs import ADJACENCY_GRAPHS

    graph = ADJACENCY_GRAPHS["qwerty"]
    return {key: frozenset("".join(keys or "" for keys in beside)) for key, beside in graph.items()}
