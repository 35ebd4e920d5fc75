"""Hashes are sorted, counted and found as plain tables do it."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.ordering import among, counted, distinct, numbered, ordered, spread, stable_order

_KEYS = st.lists(st.integers(0, 9) | st.integers(0, 9).map(lambda number: number << 60), max_size=30)
"""Some differ in their lowest bits alone, which hashes hardly ever do."""


@given(keys=_KEYS, others=_KEYS)
def test_keys_are_sorted_counted_and_found(keys: list[int], others: list[int]) -> None:
    """Each function agrees with sets, counters and stable sorting."""
    hashes = np.array(keys, np.uint64)
    rising = distinct(np.array(others, np.uint64))
    assert sorted(set(others)) == rising.tolist()
    assert [key in others for key in keys] == among(hashes, rising).tolist()
    found, counts = counted(hashes)
    assert sorted(Counter(keys).items()) == list(zip(found.tolist(), counts.tolist(), strict=True))
    example, number = numbered(hashes)
    assert keys == hashes[example][number].tolist()
    assert sorted(set(keys)) == hashes[example].tolist()
    assert sorted(range(len(keys)), key=keys.__getitem__) == stable_order(hashes).tolist()


@given(rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=30))
def test_rows_are_ordered_by_key_and_time(rows: list[tuple[int, int]]) -> None:
    """Rows of equal key and time stay as they stand, whether the times of a key rise or not."""
    keys, times = np.array([key for key, _ in rows], np.uint64), np.array([time for _, time in rows], np.int64)
    assert sorted(range(len(rows)), key=rows.__getitem__) == ordered(keys, times).tolist()


@given(spans=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=10))
def test_spans_are_spread_out(spans: list[tuple[int, int]]) -> None:
    """Every position of each span is given, in the order of the spans."""
    begin, length = np.array([first for first, _ in spans], np.intp), np.array([many for _, many in spans], np.intp)
    wanted = [first + at for first, many in spans for at in range(many)]
    assert wanted == spread(begin, begin + length).tolist()
