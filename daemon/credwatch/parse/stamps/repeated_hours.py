"""Tells the two passes of an hour apart that a zone's clocks show twice, by the order of the lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.parse.stamps.years import DAY_US, Numbers

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DAYS = 2_000
_OUT_OF_ORDER_US = 60_000_000
"""A time of day that falls by no more than this is of a line that came late."""


def may_repeat(moments: pl.Series, zone: str) -> bool:
    """Say whether a zone's clocks were put back on, or beside, a day of these moments (Datetime us)."""
    if zone == "UTC":
        return False
    times = moments.drop_nulls().to_physical().to_numpy()
    runs = times // DAY_US
    days = np.unique(runs[np.flatnonzero(np.diff(runs, prepend=runs[:1] - 1))])
    if len(days) > _MOST_DAYS:
        return True
    tz = ZoneInfo(zone)
    return any(_offset(day + 2, tz) < _offset(day - 1, tz) for day in days.tolist())


def _offset(day: int, tz: ZoneInfo) -> timedelta:
    try:
        return (_EPOCH + _DAY * day).astimezone(tz).utcoffset() or timedelta()
    except OverflowError:  # a year that no calendar has
        return timedelta()


def in_order(
    moments: pl.Series, is_local: pl.Series, zone: str, reference: datetime
) -> tuple[pl.Series, NDArray[np.bool_]]:
    """Give the moments of the pass that is meant, and mark those of which nothing tells it.

    `moments` (Datetime us, UTC, null where unknown) stand in the order of the lines; where `is_local` they were read
    from a wall time as that of the first pass. `reference` is the moment near which the lines end.
    """
    wall = moments.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    second = wall.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null").dt.convert_time_zone("UTC")
    back = (second - moments).dt.total_microseconds().fill_null(0).to_numpy()
    is_second, is_guess = np.zeros(len(moments), np.bool_), np.zeros(len(moments), np.bool_)
    rows = np.flatnonzero((back > 0) & is_local.to_numpy())
    if not len(rows):
        return moments, is_guess
    certain = moments.is_not_null().to_numpy() & ((back == 0) | ~is_local.to_numpy())
    times = moments.to_physical().fill_null(0).to_numpy()
    ends = int((reference - _EPOCH) / timedelta(microseconds=1))
    for group in np.split(rows, np.flatnonzero(np.abs(np.diff(times[rows])) > DAY_US // 2) + 1):
        is_last = group[-1] == rows[-1]
        sides = _sides(times, certain, group, ends if is_last else None)
        is_second[group], is_guess[group] = _passes(times[group], int(back[group[0]]), sides)
    return second.zip_with(pl.Series(is_second), moments), is_guess


class _Sides(Struct, frozen=True):
    """What is certain on both sides of the lines of a repeated hour, in microseconds."""

    before: int | None
    behind: int | None
    reference: int | None
    """When the file was written last, where nothing else stands behind."""


def _sides(times: Numbers, certain: NDArray[np.bool_], group: NDArray[np.intp], reference: int | None) -> _Sides:
    before, behind = np.flatnonzero(certain[: group[0]]), np.flatnonzero(certain[group[-1] :])
    return _Sides(
        before=int(times[before[-1]]) if len(before) else None,
        behind=int(times[group[-1] + behind[0]]) if len(behind) else None,
        reference=None if len(behind) else reference,
    )


def _passes(times: Numbers, back: int, sides: _Sides) -> tuple[NDArray[np.bool_], bool]:
    """Mark the lines of the second pass, and say whether that is a guess; `times` are read as of the first."""
    if sides.before is not None and sides.before >= int(times.min()) + back // 2:
        return np.ones(len(times), np.bool_), False
    fall = _fall(times, back)
    if fall is not None:
        is_second = np.arange(len(times)) >= fall
        # A line of the first pass that came late stands as high as where it ended, and the next one falls again.
        is_high = (times > times[:fall].max() - _OUT_OF_ORDER_US) & (np.diff(times, prepend=0) > back // 2)
        falls_again = np.append(times[1:], times[-1:]) < times - _OUT_OF_ORDER_US
        return is_second & ~(is_high & falls_again), False
    return np.full(len(times), _is_second(int(times[-1]), back, sides)), _is_open(int(times[-1]), back, sides)


def _fall(times: Numbers, back: int) -> int | None:
    """Find where the second pass begins: at the greatest fall, unless the next line is back where it was."""
    highest = np.maximum.accumulate(times)
    falls = highest - times
    returns = np.append(times[1:], 0) >= highest
    falls[(falls < back // 4) & returns] = 0
    is_fall = falls > _OUT_OF_ORDER_US
    if not is_fall.any():
        return None
    # Behind the true fall the time stays low, so of the falls the first one counts that is not made up for.
    return int(np.argmax(is_fall))


def _is_second(last: int, back: int, sides: _Sides) -> bool:
    if sides.reference is not None:
        to_second = abs(sides.reference - last - back)
        return to_second < min(back, abs(sides.reference - last))
    # Where the lines begin within the hour, those that go on into the next are of the pass before it.
    return sides.before is None and sides.behind is not None and 0 <= sides.behind - last - back < back


def _is_open(last: int, back: int, sides: _Sides) -> bool:
    """Say whether nothing tells the pass: no fall, and no time of writing near one of the two."""
    if sides.reference is None:
        return True
    return min(abs(sides.reference - last), abs(sides.reference - last - back)) > back // 2
