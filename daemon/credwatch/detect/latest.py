"""Finds, for many rows at once, the latest row of their group before a moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from credwatch.detect.streams import View

Keys = NDArray[np.uint64]
"""One group a row."""

NEVER = int(np.iinfo(np.int64).max)
"""A time that is far in the future; its negative is far in the past."""


class Latest:
    """Finds the latest row of a group that is not later than a moment, for many at once.

    With `arrived`, rows of that very moment count only where they had arrived by a certain event of the batch.
    """

    def __init__(self, asked: View, views: list[View], *, arrived: bool) -> None:
        self._keys = asked.keys
        self._groups = np.unique(np.concatenate([asked.keys, *(view.keys for view in views)]))
        self._moments = np.unique(np.concatenate([view.times for view in views]))
        most = max((int(view.event.max()) for view in views if len(view.event)), default=0)
        self._events = most + 3 if arrived else 1

    def of(self, view: View, limit: NDArray[np.int64], event: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the time of the latest row of each asked row's group up to its limit; far in the past for none."""
        return np.append(view.times, -NEVER)[self.place(view, limit, event)]

    def place(self, view: View, limit: NDArray[np.int64], event: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return where that row stands in the view, -1 for none."""
        if not len(view.keys):
            return np.full(len(limit), -1, dtype=np.intp)
        line = self._line(view.keys, np.searchsorted(self._moments, view.times), view.event)
        rank = np.searchsorted(self._moments, limit, side="right") - 1
        # Before a moment that is no row's, everything of the moment in front of it has arrived.
        exact = (rank >= 0) & (self._moments[np.maximum(rank, 0)] == limit)
        wanted = self._line(self._keys, rank, np.where(exact, event, self._events - 3))
        order = np.arange(len(line)) if self._events == 1 else np.argsort(line, kind="stable")
        place = np.searchsorted(line[order], wanted, side="right") - 1
        found = (place >= 0) & (view.keys[order[place]] == self._keys)
        return np.where(found, order[place], -1)

    def _line(self, keys: Keys, moment: NDArray[np.intp], event: NDArray[np.int64]) -> NDArray[np.int64]:
        """Put groups, the ranks of moments and arrival into one rising sequence."""
        line = np.searchsorted(self._groups, keys) * (len(self._moments) + 2) + moment + 1
        return np.asarray(line if self._events == 1 else line * self._events + event + 2)
