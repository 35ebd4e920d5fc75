"""Holds the search for the latest row of a group to a plain loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.detect.windows.latest import Latest
from credwatch.detect.windows.rows import ROW
from credwatch.detect.windows.views import View

_ROW = st.tuples(st.integers(1, 3), st.integers(0, 4))


def _view(drawn: list[tuple[int, int]], apart: int) -> View:
    """Make rows of (group, moment), in the order of their arrival as events of one batch."""
    rows = np.zeros(len(drawn), ROW)
    rows["key"], rows["time"] = [key for key, _ in drawn], [moment * apart for _, moment in drawn]
    return View.sorted(rows, np.arange(len(drawn)))


@settings(max_examples=200)
@given(
    asked=st.lists(_ROW, max_size=8),
    drawn=st.lists(_ROW, max_size=12),
    apart=st.sampled_from([1, 1_000_000, 1 << 60]),
    back=st.integers(0, 2),
    arrived=st.booleans(),
)
def test_the_latest_row_is_that_of_a_loop(
    asked: list[tuple[int, int]], drawn: list[tuple[int, int]], apart: int, back: int, arrived: bool
) -> None:
    """However far apart the moments are, and whether rows of the asked moment count by their arrival."""
    wanted, view = _view(asked, apart), _view(drawn, apart)
    limit = wanted.times - back * apart // 2
    found = Latest(wanted, [view], arrived=arrived).of(view, limit, wanted.event)
    expected = []
    for key, until, event in zip(wanted.keys, limit, wanted.event, strict=True):
        before = (view.keys == key) & (view.times <= until)
        if arrived:
            before &= (view.times < until) | (view.event <= event)
        expected.append(int(view.times[before].max(initial=-np.iinfo(np.int64).max)))
    assert expected == found.tolist()
