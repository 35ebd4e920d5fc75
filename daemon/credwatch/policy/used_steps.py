"""Which steps of a factor had their code accepted, remembered so that a wrong clock spends none but its own.

Each code counts once (RFC 6238, section 5.2). Where the clock only goes forward the last step used says all. A clock
that was far ahead for one login leaves a step behind that no right code reaches for days, so steps beyond what the
clock shows now are passed over, and those before them are remembered too.
"""

from __future__ import annotations

from itertools import pairwise

Span = tuple[int, int]
"""First and last of some neighbouring steps; all of them count as used."""

_MOST_SPANS = 64
_NEWEST_APART = 8
"""So many of the latest spans are never joined: the next clock may show that they lie ahead of the time."""


def is_used(spans: tuple[Span, ...], step: int, latest: int) -> bool:
    """Tell whether a step counts as used, where `latest` is the latest step that the clock admits.

    Used is each step up to the last one used among those that the clock admits. Later ones were used under another
    clock: they keep their own codes from counting twice, and stand in the way of no earlier code.
    """
    return any(first <= latest and step <= last for first, last in spans)


def with_used(spans: tuple[Span, ...], step: int) -> tuple[Span, ...]:
    """Remember a step.

    Beyond 64 spans the two that lie closest together become one, and what is between them counts as used. So a
    forgotten gap is no longer than any of the gaps kept before it.
    """
    intervals = sorted({*spans, (step, step)})
    while len(intervals) > _MOST_SPANS:
        gaps = [after[0] - before[1] for before, after in pairwise(intervals[:-_NEWEST_APART])]
        place = gaps.index(min(gaps))
        intervals[place : place + 2] = [(intervals[place][0], max(intervals[place][1], intervals[place + 1][1]))]
    return tuple(intervals)
