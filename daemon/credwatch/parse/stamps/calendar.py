"""Says near which moment each part of a long file ends, whose stamps tell no year: by all that stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.parse.stamps.years import DAY_US, LEAP_DAY, Numbers, is_leap, years

ReadAt = Callable[[int, int], bytes]
"""Reads up to so many bytes from an offset: `read_at(size, offset)`."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STARTS = np.array([0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335])
"""The first day of each month in a leap year, counted from 0."""
_WHOLE = 1 << 25
"""A file up to this size is looked at as a whole; of a longer one a little in each `_STRIDE`."""
_STRIDE = 1 << 18
_LITTLE = 1 << 12
_WEEK = 7
_NEARLY_A_YEAR = np.timedelta64(350, "D")
_AHEAD = timedelta(days=1)
_NONE: Numbers = np.empty(0, np.int64)


class LineDates(Struct, frozen=True, eq=False):
    """The dates that lines begin with."""

    offsets: Numbers
    """Where the lines begin, ascending."""
    days: Numbers
    """The days of a leap year, counted from 0."""
    years: Numbers
    """The years that they tell; 0 for those that tell none."""


class Calendar(Struct, frozen=True, eq=False):
    """The dates of lines of one file, by where they stand."""

    offsets: Numbers
    """Where lines with a date begin, ascending."""
    days: NDArray[np.datetime64]
    """The days they are of, with their year."""
    begin: int
    """From where the file was looked at."""
    end: int
    """Up to where."""

    def near(self, offset: int) -> datetime | None:
        """Give a moment (UTC) near which the lines before an offset end; None where no date stands there.

        It is that of the next line with a date, or, where that is a year away, of the one before.
        """
        if not len(self.offsets):
            return None
        at = min(int(np.searchsorted(self.offsets, offset)), len(self.offsets) - 1)
        if at and self.days[at] - self.days[at - 1] > _NEARLY_A_YEAR:
            at -= 1
        day: datetime = self.days[at].astype("M8[us]").item()
        return day.replace(hour=23, minute=59, tzinfo=UTC)


def calendar(read_at: ReadAt, begin: int, end: int, written_at: datetime) -> Calendar:
    """Look at the dates of a file from one offset to another; `written_at` is when it was written last.

    Only what falls or leaps is kept, and one line of each piece.
    """
    offsets, days, stated_years = [_NONE], [_NONE], [_NONE]
    for offset, data in _pieces(read_at, begin, end):
        dates = line_dates(data)
        indices = _telling_days(dates)
        offsets.append(dates.offsets[indices] + offset)
        days.append(dates.days[indices])
        stated_years.append(dates.years[indices])
    dates = LineDates(np.concatenate(offsets), np.concatenate(days), np.concatenate(stated_years))
    dated, is_odd = with_years(dates, written_at)
    return Calendar(dates.offsets[~is_odd], dated[~is_odd], begin, end)


def with_years(dates: LineDates, limit: datetime) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """Give the days that lines are of, the last of them no later than `limit`, and mark those of a wrong clock."""
    ahead = limit.astimezone(UTC).replace(tzinfo=None) + _AHEAD
    year, is_odd = years(dates.days * DAY_US, ahead, dates.years)
    number = dates.days - ((dates.days > LEAP_DAY) & ~is_leap(year))
    starts: NDArray[np.datetime64] = (year - 1970).astype("M8[Y]").astype("M8[D]")
    return starts + number.astype("m8[D]"), is_odd


def _pieces(read_at: ReadAt, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    size = _STRIDE if end - begin <= _WHOLE else _LITTLE
    for offset in range(begin, end, _STRIDE):
        yield offset, read_at(size, offset)


def _telling_days(dates: LineDates) -> NDArray[np.intp]:
    """Number the first two, the last two, and all on both sides of a leap: how many stand together counts as well."""
    day = dates.days
    leaps = np.flatnonzero((np.abs(np.diff(day)) > _WEEK) | (np.diff(dates.years) != 0))
    around = np.concatenate([leaps - 1, leaps, leaps + 1, leaps + 2, [0, 1, len(day) - 2, len(day) - 1]])
    return np.unique(around[(around >= 0) & (around < len(day))]).astype(np.intp)


def line_dates(data: bytes) -> LineDates:
    """Read the dates that lines begin with; the first line may be torn, and reads as none."""
    codes = np.frombuffer(data + b"\n" * 16, np.uint8).astype(np.int64)
    begins = np.append(0, np.flatnonzero(codes[: len(data)] == 10) + 1)
    begins = begins[begins < len(data)]
    behind = _behind_priority(codes, begins)
    old, iso = _without_year(codes, behind), _iso(codes, behind + 2 * (codes[behind + 1] == 32))
    good = (old >= 0) | (iso.days >= 0)
    return LineDates(begins[good].astype(np.int64), np.maximum(old, iso.days)[good], iso.years[good])


def _behind_priority(codes: Numbers, begins: Numbers) -> Numbers:
    """Give where the stamps of lines begin: behind a priority, such as <38>."""
    behind = begins.copy()
    for _ in range(5):
        inside = (codes[begins] == 60) & (codes[behind] != 62) & (behind - begins < 5)
        behind = behind + inside
    stamps: Numbers = behind + (codes[behind] == 62)
    return stamps


def _without_year(codes: Numbers, behind: Numbers) -> Numbers:
    """Read dates such as `Nov  7` as days of a leap year, -1 for what is none."""
    names = codes[behind] << 16 | codes[behind + 1] << 8 | codes[behind + 2]
    months = np.array([int.from_bytes(month.encode(), "big") for month in _MONTHS])
    order = np.argsort(months)
    month = order[np.minimum(np.searchsorted(months[order], names), 11)]
    wide = (codes[behind + 4] == 32).astype(np.int64)  # the day behind one blank or two
    first, second = codes[behind + 4 + wide] - 48, codes[behind + 5 + wide] - 48
    is_digit = (second >= 0) & (second <= 9)
    date = np.where(is_digit, first * 10 + second, first)
    good = (months[month] == names) & (codes[behind + 3] == 32) & (first >= 0) & (first <= 9) & (date > 0) & (date < 32)
    return np.where(good, _STARTS[month] + date - 1, -1)


def _iso(codes: Numbers, behind: Numbers) -> LineDates:
    """Read dates such as `2026-11-07`, behind the version of RFC 5424 perhaps; -1 for what is none."""
    letters = codes[behind[:, None] + np.arange(10)]
    digits = letters[:, [0, 1, 2, 3, 5, 6, 8, 9]] - 48
    good = ((digits >= 0) & (digits <= 9)).all(axis=1) & (letters[:, 4] == 45) & (letters[:, 7] == 45)
    year, month, date = digits[:, :4] @ [1000, 100, 10, 1], digits[:, 4:6] @ [10, 1], digits[:, 6:] @ [10, 1]
    good &= (year > 0) & (month > 0) & (month < 13) & (date > 0) & (date < 32)
    days = _STARTS[np.where(good, month, 1) - 1] + date - 1
    return LineDates(behind, np.where(good, days, -1), np.where(good, year, 0))
