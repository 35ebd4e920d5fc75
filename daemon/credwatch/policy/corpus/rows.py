"""Reads the text of the public ranges, `HASH:COUNT` a line, a whole block at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.policy.corpus.layout import HashKind

Bytes = NDArray[np.uint8]
Numbers = NDArray[Any]

_NOT_HEX = 255
_CR, _LF, _COLON = 13, 10, 58
_RANGE_DIGITS, _KEY_DIGITS = 5, 15
_LONGEST_COUNT = 12


def _values() -> Bytes:
    table = np.full(256, _NOT_HEX, np.uint8)
    for digit in "0123456789abcdefABCDEF":
        table[ord(digit)] = int(digit, 16)
    return table


_VALUES = _values()
_ALLOWED = _VALUES != _NOT_HEX
_ALLOWED[[_CR, _LF, _COLON]] = True


class Rows(Struct, frozen=True):
    """Some hashes, in the order in which they stood."""

    keys: NDArray[np.uint64]
    """The first 60 bits of each."""
    counts: NDArray[np.int64]
    """How often each password has been seen in breaches; at least once."""


class BadRow(Exception):
    """A line is not `HASH:COUNT`, or not in order; `line` counts from 0 within the text."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


def rows_of(text: bytes, kind: HashKind, prefix: int | None = None) -> Rows:
    """Read whole lines: of a range, whose five digits are `prefix`, or with the whole hash where there is none.

    Rows that were never seen are padding, and left out. Raises BadRow.
    """
    if not text:
        return Rows(np.empty(0, np.uint64), np.empty(0, np.int64))
    marks = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(marks == _LF)
    starts = np.concatenate(([0], ends[:-1] + 1))
    _hold_characters(marks, ends)
    ends = ends - (marks[np.maximum(ends - 1, 0)] == _CR)
    colons = starts + kind.hex_digits - (_RANGE_DIGITS if prefix is not None else 0)
    _hold_form(marks, starts, colons, ends)
    counts = _counts(marks, colons, ends)
    keys = _keys(marks, starts, prefix)
    _hold_order(keys)
    seen = counts > 0
    return Rows(keys[seen], counts[seen])


def _hold_characters(marks: Bytes, ends: Numbers) -> None:
    strange = np.flatnonzero(~_ALLOWED[marks])
    if strange.size:
        raise BadRow(int(np.searchsorted(ends, strange[0])), "a character that no hash and no count has")


def _hold_form(marks: Bytes, starts: Numbers, colons: Numbers, ends: Numbers) -> None:
    """Hold each line to one colon, at its place, with a count of some digits behind it."""
    form = f"expected {int(colons[0] - starts[0])} hexadecimal digits, a colon and a count"
    good = (ends > colons + 1) & (ends - colons - 1 <= _LONGEST_COUNT)
    good[good] = marks[colons[good]] == _COLON
    if not good.all():
        raise BadRow(int(np.argmin(good)), form)
    for mark, places in ((_COLON, colons), (_CR, ends)):
        strange = marks == mark
        strange[places] = False
        if strange.any():
            raise BadRow(int(np.searchsorted(starts, np.argmax(strange), side="right")) - 1, form)


def _counts(marks: Bytes, colons: Numbers, ends: Numbers) -> NDArray[np.int64]:
    lengths = ends - colons - 1
    counts = np.zeros(len(colons), np.int64)
    for place in range(int(lengths.max())):
        there = place < lengths
        digits = _VALUES[marks[np.where(there, colons + 1 + place, colons + 1)]]
        strange = np.flatnonzero(digits > 9)
        if strange.size:
            raise BadRow(int(strange[0]), "expected a count in decimal digits behind the colon")
        counts = np.where(there, counts * 10 + digits, counts)
    return counts


def _keys(marks: Bytes, starts: Numbers, prefix: int | None) -> NDArray[np.uint64]:
    digits = _KEY_DIGITS - (_RANGE_DIGITS if prefix is not None else 0)
    keys = np.full(len(starts), prefix or 0, np.uint64)
    for place in range(digits):
        keys = (keys << np.uint64(4)) | _VALUES[marks[starts + place]]
    return keys


def _hold_order(keys: NDArray[np.uint64]) -> None:
    backwards = np.flatnonzero(keys[1:] < keys[:-1])
    if backwards.size:
        raise BadRow(int(backwards[0]) + 1, "it is less than the line before: the hashes are not in order")
