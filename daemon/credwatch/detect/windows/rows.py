"""What a row of a window is, and what of it is kept."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

CARRIED = {"user.name": "user", "source.ip": "address", "organization.id": "organization"}
"""The fields that every row carries, and the columns they are in."""

SOURCE = "source"
"""The column with the hash of `credwatch.source.id`: kept by those windows alone whose rules ask for it."""

ROW = np.dtype(
    [
        ("key", "u8"),  # hash of the group
        ("time", "i8"),  # event time, microseconds since the epoch, UTC
        ("value", "u8"),  # what is counted or summed: a hash, or the bits of a number (see `values`)
        ("user", "u8"),  # hash of user.name, 0 where absent
        ("address", "u8"),  # hash of source.ip, 0 where absent
        ("organization", "u8"),  # hash of organization.id, 0 where absent
    ]
)
"""One row of a window."""

Rows = NDArray[np.void]
"""Rows of dtype ROW."""


class Columns(Protocol):
    """Gives the columns of rows."""

    def column(self, name: str, at: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """Return a column of ROW other than `key` and `time`: of all rows, or of those at some positions."""


class Form(Struct, frozen=True):
    """What a window keeps of its rows beside their keys: nothing that follows from the key, or is never there."""

    dtype: np.dtype[np.void]
    """The columns kept."""
    as_key: tuple[str, ...] = ()
    """The columns that are equal to the key."""

    @classmethod
    def of(cls, *, values: bool = True, as_key: tuple[str, ...] = (), sources: bool = False) -> Form:
        """Keep every column but `value` where there are no values, and those that are equal to the key."""
        left_out = {"key", *as_key, *(() if values else ("value",))}
        further = [(SOURCE, "u8")] if sources else []
        return cls(np.dtype([column for column in ROW.descr if column[0] not in left_out] + further), as_key)

    def packed(self, times: NDArray[np.int64], columns: Columns) -> Rows:
        """Take the columns that are kept."""
        kept = np.empty(len(times), self.dtype)
        kept["time"] = times
        for name in set(self.dtype.names or ()) - {"time"}:
            kept[name] = columns.column(name)
        return kept

    def unpacked(self, keys: NDArray[np.uint64], kept: Rows) -> Rows:
        """Give whole rows again."""
        rows = _copied(kept, np.zeros(len(keys), ROW))
        for name in ("key", *self.as_key):
            rows[name] = keys
        return rows

    def stored(self, keys: NDArray[np.uint64], kept: Rows) -> bytes:
        """Write rows for the store; what is written one after the other can be read as one."""
        rows = np.empty(len(keys), self._stored)
        numbers = as_numbers(rows)
        numbers[:, 0], numbers[:, 1:] = keys, as_numbers(kept)
        return rows.tobytes()

    def read(self, data: bytes) -> tuple[NDArray[np.uint64], Rows]:
        """Read what `stored` wrote: keys, and what is kept beside them."""
        rows = np.frombuffer(data, self._stored)
        return np.ascontiguousarray(rows["key"]), _copied(rows, np.empty(len(rows), self.dtype))

    @property
    def _stored(self) -> np.dtype[np.void]:
        return np.dtype([("key", "u8"), *self.dtype.descr])


def as_numbers(rows: Rows) -> NDArray[np.uint64]:
    """Look at rows as a table of numbers, for every column has eight bytes: numpy copies those far faster."""
    return rows.view(np.uint64).reshape(len(rows), rows.dtype.itemsize // 8)


def _copied(source: Rows, target: Rows) -> Rows:
    """Copy the columns that both have."""
    for name in set(source.dtype.names or ()).intersection(target.dtype.names or ()):
        target[name] = source[name]
    return target
