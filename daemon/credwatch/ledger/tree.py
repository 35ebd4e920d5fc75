"""Merkle trees of RFC 6962, section 2.1: roots, proofs that an entry is in a tree, and that a tree grew from another.

A tree of `size` entries falls into complete subtrees, whose sizes are powers of two and whose places are multiples of
their sizes. Whoever keeps a log keeps their hashes; everything here is made of some of them:

    size 7:   [0 .. 4)  [4 .. 6)  [6 .. 7)      level 2, index 0; level 1, index 2; level 0, index 6

So the root and a proof cost as many hashes as the size has binary digits, however long the log is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

Subtree = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree at (level, index): of entries index·2^level to (index + 1)·2^level."""

EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without entries."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours."""
    return hashlib.sha256(b"\1" + left + right).digest()


def complete(hashes: Sequence[bytes]) -> bytes:
    """Hash a complete subtree from hashes of one level; their number is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def root_of(size: int, subtree: Subtree) -> bytes:
    """Hash the tree of the first `size` entries."""
    return _range(0, size, subtree) if size else EMPTY


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Prove that the tree of `size` entries has the entry at `index` (section 2.1.1), from the leaf upwards."""
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        is_left = index < middle
        proof.append(_range(middle, end, subtree) if is_left else _range(start, middle, subtree))
        start, end = (start, middle) if is_left else (middle, end)
    return proof[::-1]


def included_root(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """Compute the root that a proof of inclusion leads to; None where it has not the length it must have."""
    sides = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        sides.append(index < middle)
        start, end = (start, middle) if index < middle else (middle, end)
    if not 0 <= index < size or len(sides) != len(proof):
        return None
    for is_left, neighbour in zip(reversed(sides), proof, strict=True):
        leaf = node_hash(leaf, neighbour) if is_left else node_hash(neighbour, leaf)
    return leaf


class GrowingTree:
    """The root of a log that is read from its beginning; holds one hash for each binary digit of its size."""

    def __init__(self) -> None:
        self.size = 0
        """How many entries it has."""
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add the hash of the next entry."""
        rest = self.size
        while rest & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            rest >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add the hashes of the next entries."""
        for leaf in leaves:
            self.add(leaf)

    def root(self) -> bytes:
        """Hash all of it."""
        if not self._peaks:
            return EMPTY
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def _range(start: int, end: int, subtree: Subtree) -> bytes:
    """Hash the entries from `start` to before `end`; what is left of a split is complete."""
    length = end - start
    if length & (length - 1) == 0:
        level = length.bit_length() - 1
        return subtree(level, start >> level)
    middle = start + _split(length)
    return node_hash(_range(start, middle, subtree), _range(middle, end, subtree))


def _split(length: int) -> int:
    """Give the largest power of two that is smaller than a length."""
    return 1 << ((length - 1).bit_length() - 1)
