"""Conditions over the parts of a correlation in time: which must have happened, and which must not."""

from __future__ import annotations

import numpy as np

from credwatch.detect.count.sliding import Flags
from credwatch.rules.model import PartCondition, PartsAll, PartsAny, PartsNot, PartThere


# The idea. "A and not B within the span" cannot be answered when A comes, for B may follow it, or arrive late:
#
#     ├───────── span ───────── A ───────── span ─────────┤ B can come no more: A is decided
#       no B may lie in here, before A or behind it
#
# So the rows of parts that stand outside of every `not` wait until nothing that would forbid them can come any more
# (`temporal.py`), and then the whole condition is evaluated for all of them at once. A part that stands under a `not`
# alone makes no row wait: its absence is no event that could be told of.
#
# The cost is one array operation for each part of the condition; a row that waits is kept once for each part.
def evaluated(condition: PartCondition, there: list[Flags]) -> Flags:
    """Say for each row whether the condition holds, of which parts `there` says where each has happened."""
    match condition:
        case PartThere(part):
            return there[part]
        case PartsAll(items):
            return np.asarray(np.logical_and.reduce([evaluated(item, there) for item in items]))
        case PartsAny(items):
            return np.asarray(np.logical_or.reduce([evaluated(item, there) for item in items]))
        case PartsNot(item):
            return ~evaluated(item, there)


def forbids(condition: PartCondition) -> bool:
    """Say whether a part must not have happened."""
    match condition:
        case PartsNot():
            return True
        case PartsAll(items) | PartsAny(items):
            return any(forbids(item) for item in items)
        case PartThere():
            return False


def wanted(condition: PartCondition) -> frozenset[int]:
    """Name the parts that stand outside of every `not`."""
    match condition:
        case PartThere(part):
            return frozenset({part})
        case PartsAll(items) | PartsAny(items):
            return frozenset().union(*map(wanted, items))
        case PartsNot():
            return frozenset()
