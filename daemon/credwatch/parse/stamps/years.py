"""Gives the stamps that tell no year theirs: by the order of the lines, counted back from the time of writing."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

DAY_US = 86_400_000_000
LEAP_YEAR = np.datetime64("2000-01-01", "us")
"""Stamps without a year are counted, in microseconds, from the start of this one."""
LEAP_DAY = 59
"""29 February, counted from 0."""

_HOUR_US = DAY_US // 24
_WEEK_US = 7 * DAY_US
_NEW_YEAR_US = 358 * DAY_US
_MICROSECOND = timedelta(microseconds=1)


def years(since: Numbers, limit: datetime, stated: Numbers | None = None) -> tuple[Numbers, NDArray[np.bool_]]:
    """Give each stamp its year, and mark the stamps whose year is a guess.

    The stamps come in the order of their lines, as microseconds since the start of the leap year 2000. The last line is
    of the latest year that is not after `limit` (a wall time). A file only grows, so a date that falls by more than a
    week is of the next year, and one that rises by all but a week is late, from the year before; lines before the last
    are counted back from it. Where a clock was wrong for a while, its dates count for nothing, and their year is a
    guess. 29 February is of a leap year, and so is what stands beside it.
    `told` has the year of each stamp that tells it, 0 for the others: lines before such a one are counted back from it.
    """
    if not len(since):
        return since, np.zeros(0, np.bool_)
    in_limit = (limit.replace(year=2000) - LEAP_YEAR.item()) // _MICROSECOND
    latest = limit.year - (since > in_limit)
    is_odd = _is_excursion(since, in_limit)
    main = np.flatnonzero(~is_odd)
    step = np.diff(since[main], prepend=since[main[:1]])
    passed_main = np.cumsum((step < -_WEEK_US).astype(np.int64) - (step > _NEW_YEAR_US))
    # What stands within an excursion goes with the line before it.
    passed = passed_main[np.maximum(np.searchsorted(main, np.arange(len(since)), side="right") - 1, 0)]
    counted = latest[main[-1]] - (passed[main[-1]] - passed)
    if stated is None or not stated.any():
        return np.minimum(latest, _leaping(counted, passed, since)), is_odd
    counted = _counted_back(counted, passed, np.where(is_odd, 0, stated))
    year = np.minimum(latest, _leaping(counted, passed, np.where(stated > 0, 0, since)))
    return np.where(stated > 0, stated, year), is_odd & (stated == 0)


def _counted_back(counted: Numbers, passed: Numbers, stated: Numbers) -> Numbers:
    """Count the years of lines back from the next line that tells its own; those behind the last such stay."""
    anchors = np.flatnonzero(stated)
    following = np.searchsorted(anchors, np.arange(len(stated)))
    is_before = following < len(anchors)
    anchor = anchors[following[is_before]]
    counted = counted.copy()
    counted[is_before] = stated[anchor] - (passed[anchor] - passed[is_before])
    return counted


def in_leap_year(wall: NDArray[np.datetime64]) -> tuple[Numbers, Numbers]:
    """Give the years of wall times, and the microseconds from the start of a leap year to the same date and time."""
    starts = wall.astype("M8[Y]")
    year = starts.astype(np.int64) + 1970
    since = (wall.astype("M8[us]") - starts.astype("M8[us]")).astype(np.int64)
    return year, since + DAY_US * ((since // DAY_US >= LEAP_DAY) & ~is_leap(year))


def is_leap(year: Numbers) -> NDArray[np.bool_]:
    """Say which years have a 29 February."""
    return np.asarray((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)))


def _leaping(year: Numbers, passed: Numbers, since: Numbers) -> Numbers:
    """Move what holds a 29 February, and all before it, back to the nearest leap year."""
    has_leap_day = since // DAY_US == LEAP_DAY
    for count in np.unique(passed[has_leap_day])[::-1]:
        own = year[has_leap_day & (passed == count)][:1]
        fourth = own - own % 4
        leap = np.where(is_leap(fourth), fourth, fourth - 4)
        year = np.where(passed <= count, year - (own - leap), year)
    return year


def _is_excursion(since: Numbers, in_limit: int) -> NDArray[np.bool_]:
    """Mark the lines of a clock that was wrong for a while: the date leaps, and comes back to where it was.

    Lines that stand alone, months apart, leap and come back too; so one of the two sides must have more than one line.
    A machine without a battery begins at 1 January, and may have been off for days.
    """
    is_odd = np.zeros(len(since), np.bool_)
    begins = np.flatnonzero(np.abs(np.diff(since)) > _WEEK_US) + 1
    if not len(begins):
        return is_odd
    first = np.concatenate(([0], begins))
    last = np.append(begins, len(since)) - 1
    line = [0]
    for part in range(1, len(first)):
        if len(line) > 1 and _comes_back(since, first, last, (line[-2], line[-1], part)):
            odd = line.pop()
            is_odd[first[odd] : last[odd] + 1] = True
        line.append(part)
    # A leap at the very end, beyond the time of writing, has not come back yet.
    end, before = since[last[line[-1]]], since[last[line[-2]]] if len(line) > 1 else in_limit + 1
    if end > in_limit >= before and in_limit - before < 2 * _WEEK_US:
        is_odd[first[line[-1]] :] = True
    return is_odd


def _comes_back(since: Numbers, first: Numbers, last: Numbers, parts: tuple[int, int, int]) -> bool:
    before, odd, behind = parts
    away = abs(int(since[first[behind]] - since[last[before]]))
    lines = last[before] - first[before] + last[behind] - first[behind] + 2
    # From the end of one year to the start of the next is no leap.
    is_new_year = abs(int(since[first[odd]] - since[last[before]])) > _NEW_YEAR_US
    is_unset = since[last[odd]] < DAY_US and away < _WEEK_US
    return not is_new_year and (is_unset or (away <= _HOUR_US and lines > 2))
