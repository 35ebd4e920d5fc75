"""The words behind the hashes that windows keep: account names, addresses, customers."""

from __future__ import annotations

import numpy as np
import polars as pl
from msgspec import Struct
from msgspec.msgpack import decode, encode
from numpy.typing import NDArray

from credwatch.kernel.ordering import distinct, firsts

Hashes = NDArray[np.uint64]


class _NameRun(Struct, frozen=True):
    """Distinct hashes, sorted, and their words."""

    hashes: Hashes
    words: pl.Series

    def places(self, asked: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Say for each hash whether it is here, and where it would be."""
        place = np.minimum(np.searchsorted(self.hashes, asked), len(self.hashes) - 1)
        return np.asarray(self.hashes[place] == asked), place


class _Stored(Struct, frozen=True, array_like=True):
    """Words as the store keeps them."""

    hashes: bytes
    """Their hashes, eight bytes each, little-endian."""
    words: list[str]


class Names:
    """Remembers which word a hash stands for, for as long as any window can hold the hash.

    Words live in two generations: one that is seen in the young generation stays, one that was not seen since the
    last two turns is forgotten. `take_new` hands out what the batch's transaction stores.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._young: list[_NameRun] = []
        self._old: list[_NameRun] = []
        self._new: list[_NameRun] = []

    def remember(self, words: pl.Series, hashes: Hashes, at: NDArray[np.intp]) -> None:
        """Remember the words at some positions of a column, each with its hash; hashes of 0 are absent words."""
        asked = hashes[at]
        first = firsts(asked)
        seen = asked[first]
        fresh = seen != 0
        for run in self._young:
            is_kept, _ = run.places(seen)
            fresh &= ~is_kept
        if fresh.any():
            run = _NameRun(seen[fresh], words[at[first[fresh]]])
            self._new.append(run)
            self._keep(run)

    def restore(self, generation: int, data: bytes) -> None:
        """Take back what `take_new` handed out; call in the order of storing."""
        while self.generation < generation:
            self.turn()
        stored = decode(data, type=_Stored)
        hashes, first = np.unique(np.frombuffer(stored.hashes, "<u8").astype(np.uint64), return_index=True)
        self._keep(_NameRun(hashes, pl.Series(stored.words, dtype=pl.String)[first]))

    def turn(self) -> None:
        """Begin a new generation: the young grow old, the old are forgotten."""
        self.generation += 1
        self._old, self._young = self._young, []

    def of(self, hashes: Hashes) -> dict[int, str]:
        """Map each of the hashes to its word; absent words are left out."""
        wanted = distinct(hashes)
        word_of: dict[int, str] = {}
        for run in (*self._young, *self._old):
            here, place = run.places(wanted)
            # Brackets take at once what `gather` would plan a query for.
            word_of.update(zip(wanted[here].tolist(), run.words[place[here]].to_list(), strict=True))
        return word_of

    def take_new(self) -> bytes:
        """Return the words remembered since the last call, as MessagePack; empty where there were none."""
        new, self._new = self._new, []
        if not new:
            return b""
        hashes = np.concatenate([run.hashes for run in new]).astype("<u8")
        return encode(_Stored(hashes.tobytes(), [word for run in new for word in run.words.to_list()]))

    def _keep(self, run: _NameRun) -> None:
        """Keep a run; runs of like size are merged, so that there are few to search."""
        self._young.append(run)
        while len(self._young) > 1 and len(self._young[-2].hashes) <= 2 * len(self._young[-1].hashes):
            later, earlier = self._young.pop(), self._young.pop()
            hashes = np.concatenate([earlier.hashes, later.hashes])
            order = np.argsort(hashes, kind="stable")
            words = pl.concat([earlier.words.alias("name"), later.words.alias("name")], rechunk=True)
            del earlier, later  # large, and done with
            self._young.append(_NameRun(hashes[order], words[order]))
