"""Groups as numbers: each value of a group-by field hashed with a seed that the store keeps."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.detect.select.native import text_of
from credwatch.kernel.account import compared
from credwatch.kernel.ordering import numbered

Hashes = NDArray[np.uint64]
"""One 64-bit number per row."""

_ACCOUNTS = frozenset({"user.name", "user.effective.name", "user.target.name", "user.email", "user.target.email"})
_MIX = np.uint64(0x9E3779B97F4A7C15)
_ABSENT = np.uint64(0)
_MOST_REMEMBERED = 100_000
_LONGEST_REMEMBERED = 64
"""Characters: an attacker who chooses long names must not choose how much memory they take."""


def mixed(key: Hashes, other: Hashes) -> Hashes:
    """Join a key and one more hash into a key."""
    return np.asarray((key * _MIX) ^ (other + (key >> np.uint64(31))))


class FieldHashes:
    """The seeded hashes of an events frame's fields, each computed once.

    The seed is random and kept in the store: nobody can craft names that collide, and a restart keeps the keys.
    """

    def __init__(self, events: pl.DataFrame, seed: int) -> None:
        self._events = events
        self._seed = seed
        self._known: dict[str, Hashes] = {}

    def of(self, field: str) -> Hashes:
        """Return the field's hash for each row; 0 where the field is absent."""
        if field not in self._known:
            self._known[field] = self._hash(field)
        return self._known[field]

    def group(self, fields: tuple[str, ...], rows: NDArray[np.intp]) -> Hashes:
        """Return one key for the fields of the given rows; 0 where any of the fields is absent."""
        first, *others = (self.of(field)[rows] for field in fields)
        key, whole = first, first != _ABSENT
        for other in others:
            key = mixed(key, other)
            whole &= other != _ABSENT
        return np.where(whole, key, _ABSENT)

    def group_with_empty(self, fields: tuple[str, ...], rows: NDArray[np.intp]) -> Hashes:
        """Return one key for the fields of the given rows, in which an absent field counts as a value; never 0."""
        key = np.full(len(rows), np.uint64(1), dtype=np.uint64)
        for field in fields:
            key = mixed(key, self.of(field)[rows])
        return np.where(key == _ABSENT, np.uint64(1), key)

    def _hash(self, field: str) -> Hashes:
        if field not in self._events.columns:
            return np.zeros(self._events.height, dtype=np.uint64)
        column = text_of(self._events.get_column(field))
        first, number = numbered(column.hash(self._seed).to_numpy())
        distinct = column.gather(first)
        if field in _ACCOUNTS:
            distinct = pl.Series([compared(name) if name else name for name in distinct.to_list()], dtype=pl.String)
        return keyed(distinct, self._seed)[number]


def keyed(texts: pl.Series, seed: int) -> Hashes:
    """Hash texts with a secret: 64 bits of BLAKE2b (RFC 7693), the same on every machine and in every version.

    0 stands for null, and for nothing else. Each text costs a microsecond, and a tenth of that where it came lately.
    """
    lately = _lately(seed)
    numbers = [lately.get(text) or _remembered(text, seed, lately) for text in texts.to_list()]
    return np.array(numbers, np.uint64)


@lru_cache(maxsize=2)
def _lately(_seed: int) -> dict[str | None, int]:
    """Give the hashes that were made with a seed, those that came last."""
    return {}


def _remembered(text: str | None, seed: int, lately: dict[str | None, int]) -> int:
    if text is None:
        return int(_ABSENT)
    if len(lately) >= _MOST_REMEMBERED:
        lately.clear()
    key = (seed & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "big")
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key)
    number = int.from_bytes(digest.digest(), "big") or 1
    if len(text) <= _LONGEST_REMEMBERED:
        lately[text] = number
    return number
