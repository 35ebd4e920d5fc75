"""The arithmetic of sliding windows over rows sorted by (key, time)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from credwatch.detect.windows.keys import mixed
from credwatch.detect.windows.views import View
from credwatch.kernel.ordering import stable_order

Flags = NDArray[np.bool_]
"""One truth per row."""


def chains(view: View, span_us: int) -> NDArray[np.intp]:
    """Number the chains of sorted rows: runs of one key in which no gap is longer than the span."""
    if not len(view.keys):
        return np.empty(0, np.intp)
    keys, times = view.keys, view.times
    breaks = (keys[1:] != keys[:-1]) | (times[1:] - times[:-1] > span_us)
    return np.concatenate(([0], np.cumsum(breaks)))


def reaches_count(view: View, threshold: int, span_us: int) -> Flags:
    """Say for each row whether it and the rows before it, within the span, are at least `threshold`.

    The span is closed at both ends: rows exactly `span_us` apart are within it.
    """
    keys, times, back = view.keys, view.times, threshold - 1
    reached = np.zeros(len(keys), dtype=bool)
    if back < len(keys):
        ahead = len(keys) - back
        reached[back:] = (keys[back:] == keys[:ahead]) & (times[back:] - times[:ahead] <= span_us)
    return reached


def window_starts(view: View, span_us: int, rows: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Return for each row, or for those at the given positions, the first row of its key not older than the span."""
    keys, times = view.keys, view.times
    places = slice(None) if rows is None else rows
    if not len(keys):
        return np.empty(0, np.intp)
    first = np.concatenate(([True], keys[1:] != keys[:-1]))
    group = np.cumsum(first) - 1
    # One sorted sequence for all keys: each key's times are moved past those of the key before.
    origin = times.min()
    stride = times.max() - origin + span_us + 1
    line = (times - origin) + group * stride
    if stride > (1 << 62) // (int(group[-1]) + 1):
        return _window_starts_by_key(view, span_us, np.flatnonzero(first))[places]
    starts = np.searchsorted(line, line[places] - span_us, side="left")
    return np.asarray(np.maximum(starts, np.flatnonzero(first)[group[places]]), dtype=np.intp)


def _window_starts_by_key(view: View, span_us: int, firsts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Do the same key by key, where the times are too far apart to be joined into one sequence."""
    starts = np.empty(len(view.keys), np.intp)
    for begin, end in zip(firsts, [*firsts[1:], len(view.keys)], strict=True):
        times = view.times[begin:end]
        starts[begin:end] = begin + np.searchsorted(times, times - span_us, side="left")
    return starts


def distinct_counts(view: View, span_us: int, values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each row how many distinct values the rows within the span up to it hold.

    `values` has one hash a row; rows whose value is 0 (absent) count for nothing. A row is the first of its value in
    the window [s, i] where the row before it of equal value lies before s, so the count is that of k in [s, i] with
    previous(k) < s; it is taken for all rows at once from a merge-sort tree over `previous`.
    """
    starts = window_starts(view, span_us)
    previous = _previous_equal(view.keys, values)
    ends = np.arange(1, len(starts) + 1)
    return _count_below(previous, starts, ends)


def distinct_so_far(number: NDArray[np.intp], values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each row how many distinct values its chain has had; 0 (absent) counts for nothing.

    `number` rises: rows of a chain stand together. For as long as a chain has not outlasted the span, its windows hold
    all of it, and this is their count.
    """
    so_far = np.append(0, np.cumsum(~repeated(number, values) & (values != 0)))
    return np.asarray(so_far[1:] - so_far[np.searchsorted(number, number)])


def repeated(number: NDArray[np.intp], values: NDArray[np.uint64]) -> Flags:
    """Say for each row whether its chain, or whatever `number` tells apart, has had its value before."""
    pairs = mixed(values, number.astype(np.uint64))
    order = stable_order(pairs)
    is_repeat = np.empty(len(pairs), bool)
    is_repeat[order] = np.append(False, pairs[order[1:]] == pairs[order[:-1]])[: len(pairs)]
    return is_repeat


def last_of_moments(view: View) -> Flags:
    """Say which rows are the last of their key and time: there a window holds all that happened at that moment."""
    if not len(view.keys):
        return np.empty(0, dtype=bool)
    return np.append((np.diff(view.keys) != 0) | (np.diff(view.times) != 0), True)


def _previous_equal(keys: NDArray[np.uint64], values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each row the row before it of equal key and value, -1 for none; absent values are never first."""
    order = np.lexsort((values, keys))
    previous = np.full(len(keys), -1, dtype=np.int64)
    if len(keys) > 1:
        here, before = order[1:], order[:-1]
        same = (keys[here] == keys[before]) & (values[here] == values[before])
        previous[here[same]] = before[same]
    previous[values == 0] = len(keys)
    return previous


# The idea: sort the values within blocks of 1, 2, 4, … rows, and put a query together from whole blocks, at most two of
# a level. In a sorted block, what lies below a bound is found by bisection. For rows 1 to 6 of eight:
#
#     level 2    0  1  2  3 │ 4  5  6  7
#     level 1    0  1 │[2  3]│[4  5]│ 6  7
#     level 0    0 │[1]│ 2 │ 3 │ 4 │ 5 │[6]│ 7
#
# Only one level is in memory at a time, and one sort and one bisection serve all its blocks: the number of a block,
# times more than any value, is added to what stands in it.
#
# The cost is O(n log² n) time and O(n) memory; a loop over windows would cost the sum of their lengths.
# The source: Vogelsgesang et al., Efficient Evaluation of Arbitrarily-Framed Holistic SQL Aggregates and Window
# Functions, SIGMOD 2022, which counts distinct values by the place of the previous equal one in a merge sort tree.
def _count_below(values: NDArray[np.int64], starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.int64]:
    """Count for each query i how many of values[starts[i]:ends[i]] are below starts[i], in O(n log² n) for all."""
    total = np.zeros(len(values), dtype=np.int64)
    low, high, below = starts.copy(), ends.copy(), starts
    stride = np.int64(len(values) + 2)
    shifted = values + 1
    level = 0
    while np.any(low < high):
        block = np.arange(len(values)) >> level
        tree = np.sort(block * stride + shifted)
        for side, odd in ((low, (low & 1 == 1) & (low < high)), (high - 1, (high & 1 == 1) & (low < high))):
            queries = np.flatnonzero(odd)
            node = side[queries]
            limit = np.searchsorted(tree, node * stride + below[queries] + 1, side="left")
            total[queries] += limit - (node << level)
        low = (low + 1) >> 1
        high = high >> 1
        level += 1
    return total
