"""Tells near which moment the lines of a chunk end, so that stamps without a year get the right one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from credwatch.parse.stamps.yearless import tells_no_year
from credwatch.sources.file.lines import Cut
from credwatch.sources.file.opened import OpenLog

if TYPE_CHECKING:
    from credwatch.parse.stamps.calendar import Calendar
    from credwatch.parse.stamps.carried import CarriedDates

# What looks at many dates at once is imported where it is needed: for backlogs without years, and compressed files.
# `credwatch collect`, which mostly follows the ends of files, saves a quarter of its memory so: that of numpy.


class Dates:
    """What is remembered of one file, while it is read in chunks."""

    def __init__(self, written_at: datetime | None = None) -> None:
        self._written_at = written_at
        self._calendar: Calendar | None = None
        self._carried: CarriedDates | None = None

    def near(self, log: OpenLog, cut: Cut) -> datetime:
        """Give the moment (UTC) near which lines end that were cut from a file.

        The last lines of a file end when it was written last. Those before them may be of earlier years: where their
        stamps tell no year, the dates of all that follows are looked at, once; not in a compressed file, which would
        have to be unpacked twice: there the lines go on where those before them ended. Raises OSError where it cannot
        be read.
        """
        status = log.status()
        written_at = self._written_at or datetime.fromtimestamp(status.st_mtime, UTC)
        if log.is_packed:
            return self._carry().near(cut.data, written_at)
        if cut.end >= status.st_size or not tells_no_year(cut.data):
            return written_at
        from credwatch.parse.stamps.calendar import calendar

        if self._calendar is None or self._calendar.end < cut.end or self._calendar.begin > cut.offset:
            self._calendar = calendar(log.read_at, cut.offset, status.st_size, written_at)
        return self._calendar.near(cut.end) or written_at

    def of_stream(self, data: bytes, now: datetime) -> datetime:
        """Give the moment (UTC) near which lines end that a pipe gave; nothing in it is later than `now`."""
        return self._carry().near(data, self._written_at or now)

    def _carry(self) -> CarriedDates:
        from credwatch.parse.stamps.carried import CarriedDates

        self._carried = self._carried or CarriedDates()
        return self._carried
