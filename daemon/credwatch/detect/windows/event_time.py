"""How far event time has come: what may still arrive, what is decided, and what must be kept for logs that lag.

Lines are handed in as `pipeline.merge` orders them: by event time over all files that wait. So one mark is enough for
what is settled, however files are grouped into sources. A log whose clock is wrong moves it by no more than the time
of reading allows, and a mark that lies ahead of that is given up, so that no stamp blinds anything for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from msgspec import Struct, field

from credwatch.detect.windows.latest import NEVER

BEGINNING = -(1 << 61)
"""Before any event: far enough in the past, and near enough to be reckoned with in 64 bits."""

_HOUR = 3_600_000_000
_RECENT = _HOUR
"""A log that has said nothing for so long is not waited for."""
FARTHEST = 26 * _HOUR
"""A log that lags by more is history: wrong time zones explain no more than this."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def moment(microseconds: int) -> datetime:
    """Turn microseconds since the epoch into an aware UTC datetime; logs tell the same moments again and again."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Arrival(Struct, frozen=True):
    """When the events of a batch came, and from where."""

    marks: Mapping[str, int] = field(default_factory=dict)
    """How far the batch carries each log on: the event time of its last line, microseconds."""
    expected: int | None = None
    """The earliest event time that logs with more lines waiting may still bring; None where none waits."""
    received: int = NEVER
    """When the latest of the lines were read, microseconds."""
    bound: int = NEVER
    """No event can be later than this, microseconds: the time of reading and the skew that clocks are allowed."""


class EventTime:
    """The moments that windows run on, all in microseconds UTC; each lies in the far past before the first event."""

    def __init__(self, lateness_us: int) -> None:
        self.lateness_us = lateness_us
        self.latest = BEGINNING
        """The latest event time of all logs."""
        self.settled = BEGINNING
        """Before this nothing is expected any more; it only grows, save where it lay ahead of the time of reading."""
        self._marks: dict[str, int] = {}
        self._lags: dict[str, tuple[int, int]] = {}

    @property
    def floor(self) -> int:
        """What happened before this is out of reach of every log that has spoken within the hour."""
        lag = max((lag for lag, _ in self._lags.values()), default=0)
        return self.settled - lag

    def restore(self, marks: Iterable[tuple[str, int]], settled: int | None, *, bound: int) -> None:
        """Take back what the store kept; nothing ahead of `bound` is believed."""
        self._marks = {log: mark for log, mark in marks if mark <= bound}
        self.latest = max(self._marks.values(), default=BEGINNING)
        self.settled = BEGINNING if settled is None else min(settled, bound - self.lateness_us)
        self._lags = {log: (self.latest - mark, bound) for log, mark in self._marks.items() if self._is_near(mark)}

    def take(self, arrival: Arrival) -> bool:
        """Go on with a batch; return whether the time so far lay ahead of the time of reading and was given up."""
        is_ahead = self.latest > arrival.bound
        if is_ahead:
            self.latest, self._lags = BEGINNING, {}
            self.settled = min(self.settled, arrival.bound - self.lateness_us)
        self._marks |= arrival.marks
        self.latest = max((self.latest, *arrival.marks.values()))
        self._note_lags(arrival)
        low = self.latest
        if arrival.expected is not None and self._is_near(arrival.expected):
            low = min(low, arrival.expected)
        self.settled = max(self.settled, low - self.lateness_us)
        return is_ahead

    def standing(self, received: int, bound: int) -> Arrival:
        """Say of events that they move no mark and settle nothing: they are told of long after their logs went on."""
        return Arrival(expected=self.latest - FARTHEST, received=received, bound=bound)

    def _note_lags(self, arrival: Arrival) -> None:
        """Note how far each log of the batch lies behind the latest, and forget what has long said nothing."""
        for log, mark in arrival.marks.items():
            lag = self.latest - mark
            self._lags[log] = (lag if lag <= FARTHEST else 0, arrival.received)
        silent = [log for log, (_, heard) in self._lags.items() if arrival.received - heard > _RECENT]
        for log in silent:
            del self._lags[log]

    def _is_near(self, moment: int) -> bool:
        return self.latest - moment <= FARTHEST
