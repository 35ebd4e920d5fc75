"""Finds, for many rows at once, the latest row of their group before a moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from credwatch.detect.windows.views import View
from credwatch.kernel.ordering import distinct

Keys = NDArray[np.uint64]
"""One group a row."""

NEVER = int(np.iinfo(np.int64).max)
"""A time that is far in the future; its negative is far in the past."""


_MOST = 1 << 62


class Latest:
    """Finds the latest row of a group that is not later than a moment, for many at once.

    With `arrived`, rows of that very moment count only where they had arrived by a certain event of the batch.
    """

    def __init__(self, rows: View, views: list[View], *, arrived: bool) -> None:
        self._keys = rows.keys
        self._groups = distinct(np.concatenate([rows.keys, *(view.keys for view in views)]))
        times = [view.times for view in views if len(view.times)]
        self._first = min((int(moments.min()) for moments in times), default=0)
        self._last = max((int(moments.max()) for moments in times), default=0)
        most = max((int(view.event.max()) for view in (rows, *views) if len(view.event)), default=0)
        self._events = most + 3 if arrived else 1
        self._moments: NDArray[np.int64] | None = None
        if (self._last - self._first + 3) * self._events >= _MOST // max(len(self._groups), 1):
            self._moments = np.unique(np.concatenate(times))

    def of(self, view: View, limit: NDArray[np.int64], event: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the time of the latest row of each asked row's group up to its limit; far in the past for none."""
        return np.append(view.times, -NEVER)[self.place(view, limit, event)]

    def place(self, view: View, limit: NDArray[np.int64], event: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return where that row stands in the view, -1 for none."""
        if not len(view.keys):
            return np.full(len(limit), -1, dtype=np.intp)
        line = self._line(view.keys, view.times, view.event)
        targets = self._line(self._keys, limit, event)
        order = None if self._events == 1 else np.argsort(line, kind="stable")
        place = np.searchsorted(line if order is None else line[order], targets, side="right") - 1
        place = place if order is None else np.where(place >= 0, order[place], -1)
        return np.where((place >= 0) & (view.keys[place] == self._keys), place, -1)

    def _line(self, keys: Keys, times: NDArray[np.int64], event: NDArray[np.int64]) -> NDArray[np.int64]:
        """Put groups, moments and arrival into one rising sequence."""
        moment, moments = self._numbered(times)
        line = np.searchsorted(self._groups, keys) * moments + moment
        return np.asarray(line if self._events == 1 else line * self._events + event + 2)

    def _numbered(self, times: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """Number moments from 1, 0 for one before all rows; and say how many numbers there are.

        They are numbered as they are, or where they are too far apart for that, by their ranks.
        """
        if self._moments is None:
            return np.clip(times, self._first - 1, self._last + 1) - (self._first - 1), self._last - self._first + 3
        behind = np.searchsorted(self._moments, times, side="right")
        exact = (behind > 0) & (self._moments[np.maximum(behind, 1) - 1] == times)
        return 2 * behind - exact, 2 * len(self._moments) + 1
