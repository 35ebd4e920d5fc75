"""Knows which parts of a series were given, so that nothing of it is given twice, however late it comes again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Span = tuple[int, int]
"""From a place in a series up to another."""

_MOST_SPANS = 512
"""So many spans with gaps between them are told apart; of more the oldest gaps count as given."""


class CoveredSpans:
    """Spans of one series that were given, ascending, with gaps between them."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: list[Span] = []
        for begin, end in spans:
            self.add(begin, end)

    @property
    def spans(self) -> list[Span]:
        """The spans, as a cursor keeps them."""
        return [*self._spans]

    def add(self, begin: int, end: int) -> None:
        """Take note that a span was given; costs as much as the spans that it joins."""
        if begin >= end:
            return
        first = bisect_right(self._spans, begin, key=lambda span: span[1] + 1)
        last = bisect_right(self._spans, end, key=lambda span: span[0])
        joined = self._spans[first:last]
        if joined:
            begin, end = min(begin, joined[0][0]), max(end, joined[-1][1])
        self._spans[first:last] = [(begin, end)]
        if len(self._spans) > _MOST_SPANS:
            self._spans[:2] = [(self._spans[0][0], self._spans[1][1])]

    def reached(self, begin: int) -> int:
        """Say up to where everything was given from a place on; the place itself where it was not."""
        at = bisect_right(self._spans, begin, key=lambda span: span[0]) - 1
        return max(begin, self._spans[at][1]) if at >= 0 else begin
