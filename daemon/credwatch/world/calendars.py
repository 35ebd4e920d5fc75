"""Which days are working days: those of a country's law, and what its government or the operator changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from typing import Annotated, Any

from msgspec import Struct
from pydantic import Field

from credwatch.kernel.options import Options, read_toml
from credwatch.world.entries import Name


class CalendarDay(Options):
    """One `[[day]]` of holidays.toml: a day that the library does not know as it is."""

    date: date
    """The day."""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "VN"
    """The country (ISO 3166-1)."""
    works: bool
    """Whether it is a working day."""
    why: Name
    """The decision that made it so."""


class _HolidaysFile(Options):
    day: tuple[CalendarDay, ...] = ()


class WorkingCalendar(Struct, frozen=True):
    """The working days of every country."""

    days: tuple[CalendarDay, ...] = ()
    """What differs from the library."""

    def works(self, day: date, country: str) -> bool:
        """Say whether people work on a day; raises KeyError for a country without a calendar."""
        for own in self.days:
            if (own.date, own.country) == (day, country):
                return own.works
        return bool(_holidays(country).is_working_day(day))

    def nth_working_day(self, day: date, count: int, country: str) -> date:
        """Return the day on which the count-th working day after `day` falls."""
        while count:
            day += timedelta(days=1)
            count -= self.works(day, country)
        return day

    def next_working_day(self, day: date, country: str) -> date:
        """Return the day itself, or the first working day after it."""
        while not self.works(day, country):
            day += timedelta(days=1)
        return day

    @property
    def version(self) -> str:
        """Name the calendar: the library's version, and a hash of what differs from it."""
        own = hashlib.sha256(repr(self.days).encode()).hexdigest()[:8] if self.days else "none"
        return f"holidays {_library().__version__}, own days {own}"


def read_days(text: str, where: str) -> tuple[CalendarDay, ...]:
    """Read `holidays.toml`; raises ConfigurationError or ProblemsFound with file and key."""
    return read_toml(text, _HolidaysFile, where=where).day


def known_countries(countries: Iterable[str]) -> frozenset[str]:
    """Return those countries that have a calendar."""
    return frozenset(countries) & frozenset(_library().list_supported_countries())


def _library() -> Any:
    """Load the library where days are counted: it takes half a second and 19 MB, and most regimes count hours."""
    import holidays

    return holidays


@cache
def _holidays(country: str) -> Any:
    """Make a country's calendar; it fills in each year as it is asked for."""
    try:
        return _library().country_holidays(country)
    except NotImplementedError as error:
        raise KeyError(country) from error
