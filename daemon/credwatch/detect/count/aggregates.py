"""What a correlation computes over the rows of a window, and whether that fulfils its condition.

Each aggregate says, for each row of a view, whether the condition holds for the window that ends with it: its rows of
the same key that are not older than the span, those of the same moment included.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.detect.count.sliding import (
    Flags,
    chains,
    distinct_counts,
    distinct_so_far,
    last_of_moments,
    reaches_count,
    window_starts,
)
from credwatch.detect.windows.rows import CARRIED
from credwatch.detect.windows.values import SCALE, as_numbers
from credwatch.detect.windows.views import View
from credwatch.kernel.ordering import among, distinct
from credwatch.rules.model import Bound, Correlation, CorrelationType, Operator

_COMPARE: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.LESS: lt,
    Operator.LESS_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_EQUAL: ge,
    Operator.EQUALS: eq,
    Operator.NOT_EQUAL: ne,
}


class Aggregate(Protocol):
    """Decides for which rows of a view, sorted by (key, time), the condition holds."""

    @property
    def monotone(self) -> bool:
        """Say whether more rows in a window can only help: then it may be looked at before its moment is over."""

    def holds(self, view: View, span_us: int) -> Flags:
        """Say for each row whether the condition holds for the window that ends with it."""


class AtLeast(Struct, frozen=True):
    """So many rows, or more."""

    threshold: int
    """How many."""
    monotone: bool = True

    def holds(self, view: View, span_us: int) -> Flags:
        """Compare each row with the one `threshold` - 1 before it."""
        return reaches_count(view, self.threshold, span_us)


class AtLeastDistinct(Struct, frozen=True):
    """So many distinct values, or more."""

    threshold: int
    """How many."""
    column: str
    """The column of the rows."""
    monotone: bool = True

    def holds(self, view: View, span_us: int) -> Flags:
        """Count from the beginning of each chain, and again within windows where a chain is longer than the span."""
        values = _values(view, self.column)
        number = chains(view, span_us)
        so_far = distinct_so_far(number, values)
        is_enough = so_far >= self.threshold
        first = np.searchsorted(number, number)
        longer = np.flatnonzero((view.times - view.times[first] > span_us) & is_enough)
        if len(longer):
            rest = np.flatnonzero(among(number, distinct(number[longer])))
            is_enough[rest] = distinct_counts(view.at(rest), span_us, values[rest]) >= self.threshold
        return is_enough


class Measured(Struct, frozen=True):
    """A number computed of each window, held against every bound."""

    measure: Callable[[View, NDArray[np.intp], int], NDArray[Any]]
    """Computes the number of each row's window from the view, the windows' first rows, and the span."""
    bounds: tuple[Bound, ...]
    """The bounds, all of which must hold."""
    monotone: bool = False

    def holds(self, view: View, span_us: int) -> Flags:
        """Compute the number where a moment is over, and compare."""
        numbers = self.measure(view, window_starts(view, span_us), span_us)
        held = [_COMPARE[bound.operator](numbers, bound.number) for bound in self.bounds]
        return np.asarray(np.logical_and.reduce([last_of_moments(view), *held]))


class Percentile(Struct, frozen=True):
    """The value at a percentile of each window (nearest rank), held against every bound.

    The value at rank k is at least x where fewer than k values are below x, and at most x where at least k are not
    above it: so counting is enough, and nothing is sorted.
    """

    percent: int
    """1 to 100."""
    bounds: tuple[Bound, ...]
    """The bounds, all of which must hold."""
    monotone: bool = False

    def holds(self, view: View, span_us: int) -> Flags:
        """Count the values on either side of each bound."""
        starts, values = window_starts(view, span_us), as_numbers(_values(view, "value"))
        count = np.arange(1, len(starts) + 1) - starts
        rank = -(-count * self.percent // 100)
        held = [self._held(bound, values, starts, rank) for bound in self.bounds]
        return np.asarray(np.logical_and.reduce([last_of_moments(view), *held]))

    @staticmethod
    def _held(
        bound: Bound, values: NDArray[np.int64], starts: NDArray[np.intp], rank: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        limit = bound.number * SCALE
        at_least = _in_window(values < limit, starts) < rank
        at_most = _in_window(values <= limit, starts) >= rank
        return {
            Operator.GREATER_EQUAL: at_least,
            Operator.LESS: ~at_least,
            Operator.LESS_EQUAL: at_most,
            Operator.GREATER: ~at_most,
            Operator.EQUALS: at_least & at_most,
            Operator.NOT_EQUAL: ~(at_least & at_most),
        }[bound.operator]


def aggregate_of(rule: Correlation) -> Aggregate:
    """Return what a counting or measuring correlation computes."""
    column = CARRIED.get(rule.field, "value")
    match rule.type:
        case CorrelationType.EVENT_COUNT:
            threshold = _threshold(rule)
            return AtLeast(threshold) if threshold else Measured(_count, rule.bounds)
        case CorrelationType.VALUE_COUNT:
            threshold = _threshold(rule)
            return AtLeastDistinct(threshold, column) if threshold else Measured(_distinct(column), rule.bounds)
        case CorrelationType.VALUE_SUM:
            return Measured(_sum, rule.bounds)
        case CorrelationType.VALUE_AVG:
            return Measured(_mean, rule.bounds)
        case CorrelationType.VALUE_PERCENTILE:
            return Percentile(rule.percentile, rule.bounds)
        case CorrelationType.TEMPORAL | CorrelationType.TEMPORAL_ORDERED:
            return AtLeast(1)


def _threshold(rule: Correlation) -> int:
    """Return how many are enough, 0 where the condition says anything else than that."""
    if len(rule.bounds) != 1:
        return 0
    (bound,) = rule.bounds
    whole = bound.number.is_integer() if isinstance(bound.number, float) else True
    if bound.operator is Operator.GREATER_EQUAL and whole:
        return int(bound.number)
    return int(bound.number) + 1 if bound.operator is Operator.GREATER and whole else 0


def _count(view: View, starts: NDArray[np.intp], _span_us: int) -> NDArray[np.intp]:
    return np.asarray(np.arange(1, len(view.keys) + 1) - starts)


def _distinct(column: str) -> Callable[[View, NDArray[np.intp], int], NDArray[np.int64]]:
    return lambda view, _starts, span_us: distinct_counts(view, span_us, _values(view, column))


def _sum(view: View, starts: NDArray[np.intp], _span_us: int) -> NDArray[np.float64]:
    """Add up whole thousandths, which is exact, whatever the order."""
    before = np.concatenate(([0], np.cumsum(as_numbers(_values(view, "value")))))
    return np.asarray((before[1:] - before[starts]) / SCALE)


def _mean(view: View, starts: NDArray[np.intp], span_us: int) -> NDArray[np.float64]:
    return np.asarray(_sum(view, starts, span_us) / _count(view, starts, span_us))


def _values(view: View, column: str) -> NDArray[np.uint64]:
    return view.columns.column(column)


def _in_window(flags: NDArray[np.bool_], starts: NDArray[np.intp]) -> NDArray[np.int64]:
    """Count the flags in each row's window."""
    before = np.concatenate(([0], np.cumsum(flags)))
    return np.asarray(before[1:] - before[starts])
