"""Hashes are sorted, counted and found as plain tables do it."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from credwatch.kernel.ordering import among, counted, distinct, numbered, stable_order

_KEYS = st.lists(st.integers(0, 9), max_size=30)


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
