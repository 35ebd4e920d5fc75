"""The words behind the hashes that windows keep: account names, addresses, customers."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SCHEMA = {"hash": pl.UInt64(), "name": pl.String()}


class Names:
    """Remembers which word a hash stands for, for as long as any window can hold the hash.

    Words live in two generations: one that is seen in the young generation stays, one that was not seen since the
    last two turns is forgotten. `take_new` hands out what the batch's transaction stores.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._young: list[pl.DataFrame] = []
        self._old: list[pl.DataFrame] = []
        self._known = np.empty(0, np.uint64)
        self._new: list[pl.DataFrame] = []

    def remember(self, words: pl.Series, hashes: NDArray[np.uint64]) -> None:
        """Remember each word with its hash; hashes of 0 are absent words."""
        distinct, first = np.unique(hashes, return_index=True)
        fresh = (distinct != 0) & ~_contains(self._known, distinct)
        if not fresh.any():
            return
        frame = pl.DataFrame({"hash": distinct[fresh], "name": words.gather(first[fresh])}, schema=_SCHEMA)
        self._new.append(frame)
        self._keep(frame)

    def restore(self, generation: int, data: bytes) -> None:
        """Take back what `take_new` handed out; call in the order of storing."""
        while self.generation < generation:
            self.turn()
        self._keep(pl.read_ipc(io.BytesIO(data)))

    def turn(self) -> None:
        """Begin a new generation: the young grow old, the old are forgotten."""
        self.generation += 1
        self._old, self._young = self._young, []
        self._known = np.empty(0, np.uint64)

    def of(self, hashes: NDArray[np.uint64]) -> dict[int, str]:
        """Map each of the hashes to its word; absent words are left out."""
        wanted = pl.Series("hash", np.unique(hashes), dtype=pl.UInt64)
        found: dict[int, str] = {}
        for frame in (*self._young, *self._old):
            found.update(frame.filter(pl.col("hash").is_in(wanted.implode())).iter_rows())
        return found

    def take_new(self) -> bytes:
        """Return the words remembered since the last call as one Arrow IPC file; empty where there were none."""
        new, self._new = self._new, []
        if not new:
            return b""
        data = io.BytesIO()
        pl.concat(new).write_ipc(data)
        return data.getvalue()

    def _keep(self, frame: pl.DataFrame) -> None:
        self._young.append(frame)
        if len(self._young) > 16:
            self._young = [pl.concat(self._young, rechunk=True)]
        self._known = np.union1d(self._known, frame.get_column("hash").to_numpy())


def _contains(known: NDArray[np.uint64], asked: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(asked), dtype=bool)
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.asarray(known[place] == asked)
