"""Says near which moment each piece of a stream ends, of which nobody knows what follows: by what came before it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from credwatch.parse.stamps.calendar import LineDates, line_dates, with_years
from credwatch.parse.stamps.yearless import tells_no_year
from credwatch.parse.stamps.years import DAY_US, in_leap_year

_TAIL = 1 << 12
"""So much of a piece is looked at whose stamps tell their years: only the last date counts."""


class CarriedDates:
    """Carries the last date of each piece of a stream on to the next.

    The lines of a piece are no later than the end of the stream allows, and go on where those before them ended. Where
    they cannot, those before were given too late a year; that cannot be mended any more, nor known before.
    """

    def __init__(self) -> None:
        self._last: np.datetime64 | None = None

    def near(self, piece: bytes, limit: datetime) -> datetime:
        """Give the moment (UTC) near which the next piece of whole lines ends; `limit` is when the stream ends."""
        dates = line_dates(piece if tells_no_year(piece) else piece[-_TAIL:])
        if not len(dates.days):
            return limit
        day = self._went_on(dates, limit)
        self._last = day
        moment: datetime = day.astype("M8[us]").item()
        return moment.replace(hour=23, minute=59, tzinfo=UTC)

    def _went_on(self, dates: LineDates, limit: datetime) -> np.datetime64:
        """Give the day of the last line whose clock was right."""
        if self._last is None:
            return _last_day(dates, limit)
        days, is_odd = with_years(_behind(self._last, dates), limit)
        day: np.datetime64 = days[~is_odd][-1]
        early = _year(self._last) - _year(days[0])
        if early >= 0 or dates.years.any():
            return day
        # What came before is of a year that is over; so the last line is not of the latest year that is possible.
        return _last_day(dates, datetime(_year(day) + early, 12, 30, tzinfo=UTC))


def _last_day(dates: LineDates, limit: datetime) -> np.datetime64:
    days, is_odd = with_years(dates, limit)
    day: np.datetime64 = days[~is_odd][-1]
    return day


def _behind(day: np.datetime64, dates: LineDates) -> LineDates:
    """Put a day before the dates of a piece, as one that tells no year."""
    _, since = in_leap_year(np.array([day]))
    days = np.append(since // DAY_US, dates.days)
    return LineDates(np.append(0, dates.offsets), days, np.append(0, dates.years))


def _year(day: np.datetime64) -> int:
    return int(day.astype("M8[Y]").astype(np.int64)) + 1970
