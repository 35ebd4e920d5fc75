"""Sorts, counts and finds hashes, fast: plain sorts run on vector instructions, and so beat tables of hashes."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.integer[Any])


def stable_order(keys: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Order hashes as a stable argsort does, in a fraction of its time.

    Each hash gives its lower bits for its place, so that one plain sort does both. Keys that are told apart by those
    bits alone, which hashes hardly ever are, cost a second sort.
    """
    low = np.uint64((1 << len(keys).bit_length()) - 1)
    order = (np.sort((keys & ~low) | np.arange(len(keys), dtype=np.uint64)) & low).astype(np.intp)
    rising = keys[order]
    return np.argsort(keys, kind="stable") if (rising[1:] < rising[:-1]).any() else order


def ordered(keys: NDArray[np.uint64], times: NDArray[np.int64]) -> NDArray[np.intp]:
    """Order by key and time, those of equal time as they stand: cheap where the times of each key rise already."""
    order = np.argsort(keys, kind="stable")  # what comes as sorted runs is merged
    return order if is_sorted(keys[order], times[order]) else np.lexsort((times, keys))


def is_sorted(keys: NDArray[np.uint64], times: NDArray[np.int64]) -> bool:
    """Say whether the times of each run of equal keys rise."""
    return bool(np.all((keys[1:] != keys[:-1]) | (times[1:] >= times[:-1])))


def distinct(keys: NDArray[Number]) -> NDArray[Number]:
    """Return each key once, sorted."""
    rising = np.sort(keys)
    return np.asarray(rising.compress(_firsts(rising)))


def counted(keys: NDArray[Number]) -> tuple[NDArray[Number], NDArray[np.intp]]:
    """Return each key once, sorted, and how often it is there."""
    rising = np.sort(keys)
    first = np.flatnonzero(_firsts(rising))
    return rising[first], np.diff(first, append=len(rising))


def numbered(keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number distinct keys in their order: return where the first of each stands, and the number of each key."""
    order = stable_order(keys)
    is_first = _firsts(keys[order])
    number = np.empty(len(keys), np.intp)
    number[order] = np.cumsum(is_first) - 1
    return order.compress(is_first), number


def firsts(keys: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return where the first of each distinct key stands, in the order of the keys."""
    order = stable_order(keys)
    return order.compress(_firsts(keys[order]))


def among(keys: NDArray[Number], rising: NDArray[Number]) -> NDArray[np.bool_]:
    """Say for each key whether it is one of some sorted ones."""
    if not len(rising):
        return np.zeros(len(keys), bool)
    return np.asarray(rising[np.minimum(np.searchsorted(rising, keys), len(rising) - 1)] == keys)


def spread(begin: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return every position from each beginning up to its end."""
    counts = end - begin
    behind = np.cumsum(counts)
    return np.asarray(np.arange(counts.sum()) + np.repeat(begin - behind + counts, counts), dtype=np.intp)


def _firsts(rising: NDArray[Number]) -> NDArray[np.bool_]:
    return np.append(True, rising[1:] != rising[:-1])[: len(rising)]
