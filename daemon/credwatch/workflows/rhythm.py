"""The rhythm of a source: how often something comes in each hour of the week, and how long a silence it allows.

Of each hour of the week is kept in how many of its quarters the source was followed, and in how many something came.
A silence is longer than the rhythm allows where, by these shares, it would happen once in a thousand times: the chance
that each of its whole quarters is empty, multiplied. A share is reckoned as if one more quarter had been empty, so a
source that is new is given time, and one that is busy day and night is missed within the hour once a week is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import prod
from zoneinfo import ZoneInfo

from msgspec import Struct, field

_QUARTER = timedelta(minutes=15)
_RAREST = 0.001
_MOST = 32
"""So many quarters of an hour of the week, eight weeks, count in full; older ones fade."""
_LONGEST = timedelta(days=28)
"""A silence is looked at no further back: by then it is told."""


class Rhythm(Struct, frozen=True):
    """What is known of how often a source speaks; a value, made anew with each quarter."""

    hours: dict[int, tuple[float, float]] = field(default_factory=dict)
    """For each hour of the week from Monday 0:00: quarters followed, and those in which something came."""
    reached: datetime | None = None
    """The quarter up to which it is known, UTC; None before the first."""

    def followed(self, since: datetime, heard_at: datetime | None, now: datetime, zone: str) -> Rhythm:
        """Take in the whole quarters that have passed; `since` is when the daemon began to follow.

        To be called more often than once a quarter: a quarter has something where the latest line came in it or later.
        """
        begin = max(filter(None, (self.reached, _next_quarter(since))))
        hours, reached = dict(self.hours), self.reached
        for quarter in _quarters(max(begin, now - 2 * _QUARTER), now):
            came = heard_at is not None and heard_at >= quarter
            slot = _slot(quarter, zone)
            followed, heard = hours.get(slot, (0.0, 0.0))
            if followed >= _MOST:
                followed, heard = followed / 2, heard / 2
            hours[slot] = (followed + 1, heard + came)
            reached = quarter + _QUARTER
        return Rhythm(hours, reached)

    def allows(self, heard_at: datetime, now: datetime, zone: str) -> bool:
        """Say whether a silence since a moment is nothing unusual for these hours of the week."""
        begin = max(_next_quarter(heard_at), now - _LONGEST)
        return prod(self._empty(quarter, zone) for quarter in _quarters(begin, now)) > _RAREST

    def share(self, now: datetime, zone: str) -> float | None:
        """Say in which share of the quarters of this hour of the week something came; None where none is known."""
        followed, heard = self.hours.get(_slot(now, zone), (0.0, 0.0))
        return heard / followed if followed else None

    def _empty(self, quarter: datetime, zone: str) -> float:
        """Give the chance that nothing comes in a quarter."""
        followed, heard = self.hours.get(_slot(quarter, zone), (0.0, 0.0))
        return 1 - heard / (followed + 1)


def _slot(quarter: datetime, zone: str) -> int:
    local = quarter.astimezone(ZoneInfo(zone))
    return local.weekday() * 24 + local.hour


def _quarter_of(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def _next_quarter(moment: datetime) -> datetime:
    """Give the first quarter that begins after a moment."""
    return _quarter_of(moment) + _QUARTER


def _quarters(begin: datetime, now: datetime) -> Iterator[datetime]:
    """Give the quarters from one on that are over."""
    quarter = _quarter_of(begin)
    while quarter + _QUARTER <= now:
        yield quarter
        quarter += _QUARTER
