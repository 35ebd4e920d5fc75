"""Groups as numbers: each value of a group-by field hashed with a seed that the store keeps."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.detect.native import text_of

Hashes = NDArray[np.uint64]
"""One 64-bit number per row."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
_ABSENT = np.uint64(0)


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
        hashes = column.hash(self._seed).to_numpy().astype(np.uint64, copy=True)
        hashes[hashes == _ABSENT] = np.uint64(1)
        if column.null_count():
            hashes[column.is_null().to_numpy()] = _ABSENT
        return hashes
