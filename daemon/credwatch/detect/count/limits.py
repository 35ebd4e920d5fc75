"""Numbers that are enough at one customer, or for what one source delivers, where they are not the rule's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from credwatch.detect.count.aggregates import Aggregate, aggregate_of
from credwatch.detect.count.sliding import Flags, last_of_moments
from credwatch.detect.windows.keys import keyed
from credwatch.detect.windows.rows import SOURCE
from credwatch.detect.windows.views import View
from credwatch.rules.model import Bound, Correlation, CorrelationType, Limit

_CUSTOMER = "organization"
"""The column with the hash of `organization.id`."""


class _Choices(Struct, frozen=True, eq=False):
    """Which aggregate stands for which value of a column."""

    column: str
    """The column."""
    hashes: NDArray[np.uint64]
    """The values, sorted."""
    places: NDArray[np.intp]
    """For each the place of its aggregate."""

    def choose(self, view: View, places: NDArray[np.intp]) -> None:
        """Put in the place of the aggregate for the rows that have one of the values."""
        column = view.columns.column(self.column)
        at = np.minimum(np.searchsorted(self.hashes, column), len(self.hashes) - 1)
        chosen = self.hashes[at] == column
        places[chosen] = self.places[at[chosen]]


# The idea. All customers share a rule's rows and its episodes; only the condition asks whose row it is. A moment
# fulfils it where the window that ends with the moment is enough for one of its rows, so that it does not matter in
# which order the rows of a moment came.
#
# The cost is one pass more over the rows for each different number that any of them asks for, mostly none or one.
class Scoped(Struct, frozen=True, eq=False):
    """A condition whose number depends on the customer that the completing row concerns, or on its source."""

    least: int
    """At least so many rows are enough for anybody; 1 where no rows are counted."""
    aggregates: tuple[Aggregate, ...]
    """The rule's own condition, then one for each other number."""
    names: tuple[tuple[str, Mapping[str, int]], ...]
    """Columns, and for each value of them the place of its aggregate; a later column goes before an earlier one."""
    choices: tuple[_Choices, ...] = field(default=())
    """The same by hashes, once the seed is known."""
    monotone: bool = False

    def seeded(self, seed: int) -> Scoped:
        """Return the same for rows that are hashed with a seed."""
        return replace(self, choices=tuple(_hashed(column, places, seed) for column, places in self.names))

    def holds(self, view: View, span_us: int) -> Flags:
        """Ask at the end of each moment for the numbers that its rows have."""
        last, places = last_of_moments(view), np.zeros(len(view.keys), np.intp)
        for choices in self.choices:
            choices.choose(view, places)
        moment: NDArray[np.intp] = np.cumsum(last) - last
        held = np.zeros(len(places), bool)
        for place in np.unique(places):
            is_enough = self.aggregates[place].holds(view, span_us) & last
            asked = np.zeros(np.count_nonzero(last), bool)
            asked[moment[places == place]] = True
            held |= is_enough & asked[moment]
        return held


def seeded(aggregate: Aggregate, seed: int) -> Aggregate:
    """Make a condition ready for rows that are hashed with a seed."""
    return aggregate.seeded(seed) if isinstance(aggregate, Scoped) else aggregate


def aggregate_within_limits(rule: Correlation) -> Aggregate:
    """Return what a correlation computes, with the limits that settings name for customers and sources."""
    if not rule.limits:
        return aggregate_of(rule)
    numbers = tuple(dict.fromkeys(limit.number for limit in rule.limits))
    others = (replace(rule, bounds=(Bound(rule.bounds[0].operator, number),)) for number in numbers)
    return Scoped(
        int(min(rule.bounds[0].number, *numbers)) if rule.type is CorrelationType.EVENT_COUNT else 1,
        tuple(map(aggregate_of, (rule, *others))),
        tuple(_names(rule.limits, numbers)),
    )


def _names(limits: Sequence[Limit], numbers: tuple[float, ...]) -> Iterable[tuple[str, Mapping[str, int]]]:
    for column, name_of in ((SOURCE, _source), (_CUSTOMER, _customer)):
        named = {name_of(limit): 1 + numbers.index(limit.number) for limit in limits if name_of(limit)}
        if named:
            yield column, named


def _source(limit: Limit) -> str:
    return limit.source


def _customer(limit: Limit) -> str:
    return limit.customer


def _hashed(column: str, places: Mapping[str, int], seed: int) -> _Choices:
    hashes = keyed(pl.Series(list(places), dtype=pl.String), seed)
    order = np.argsort(hashes)
    return _Choices(column, hashes[order], np.array(list(places.values()), np.intp)[order])
