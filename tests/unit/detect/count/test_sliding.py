"""The arithmetic of sliding windows equals plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from credwatch.detect.count.aggregates import AtLeastDistinct
from credwatch.detect.count.sliding import chains, distinct_counts, reaches_count, window_starts
from credwatch.detect.windows.rows import ROW
from credwatch.detect.windows.views import View

_ROWS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 30), st.integers(0, 4)), max_size=40)
FAR = 1 << 60


def a_view(rows: list[tuple[int, int, int]]) -> View:
    """Build a view of (key, time, value) rows."""
    table = np.zeros(len(rows), ROW)
    for name, column in zip(("key", "time", "value"), range(3), strict=True):
        table[name] = [row[column] for row in rows]
    return View.sorted(table, np.arange(len(rows)))


@given(rows=_ROWS, span=st.integers(0, 12), threshold=st.integers(1, 6))
def test_windows_count_as_a_loop_does(rows: list[tuple[int, int, int]], span: int, threshold: int) -> None:
    """Row counts, distinct counts, window starts and chains, for every row."""
    view = a_view(rows)
    keys, times, values = view.keys.tolist(), view.times.tolist(), view.rows["value"].tolist()
    starts = [
        next(j for j in range(i + 1) if keys[j] == keys[i] and times[j] >= times[i] - span) for i in range(len(keys))
    ]
    assert starts == window_starts(view, span).tolist()
    counts = [i - start + 1 >= threshold for i, start in enumerate(starts)]
    assert counts == reaches_count(view, threshold, span).tolist()
    distinct = [len(set(values[start : i + 1]) - {0}) for i, start in enumerate(starts)]
    assert distinct == distinct_counts(view, span, view.rows["value"].copy()).tolist()
    enough = AtLeastDistinct(threshold, "value").holds(view, span)
    assert [count >= threshold for count in distinct] == enough.tolist()
    number = chains(view, span).tolist()
    for i in range(1, len(keys)):
        together = keys[i] == keys[i - 1] and times[i] - times[i - 1] <= span
        assert together == (number[i] == number[i - 1])


def test_times_far_apart() -> None:
    """Times so far apart that they cannot be joined into one sequence give the same windows."""
    view = a_view([(1, -FAR, 1), (1, -FAR + 3, 1), (1, FAR, 1), (2, FAR, 1), (2, FAR + 5, 1), (3, 0, 1)])
    assert [0, 0, 2, 3, 3, 5] == window_starts(view, 5).tolist()
