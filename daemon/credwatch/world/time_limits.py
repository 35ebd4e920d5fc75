"""When a phase of a regime is due: exact hours, days to the end of the last one, working days, months."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from credwatch.world.calendars import WorkingCalendar
from credwatch.world.regimes import Regime, RegimePhase, TimeLimit

_END_OF_DAY = time(23, 59, 59)
_MONTHS = 12


class Deadline(Struct, frozen=True):
    """When a phase is due, by which calendar."""

    soft_at: datetime
    """When a warning is due, UTC."""
    due_at: datetime
    """The end, UTC; what comes at that very second is in time."""
    latest_at: datetime | None
    """The end of what reasons can excuse, UTC; None where the regime has none."""
    calendar: str
    """The calendar's version; empty where no working days were counted."""


def deadline(regime: Regime, phase: RegimePhase, started_at: datetime, calendar: WorkingCalendar) -> Deadline:
    """Count a phase's time from a moment (aware)."""
    due_at = _end(phase.limit, regime, phase, started_at, calendar)
    latest_at = _end(phase.latest, regime, phase, started_at, calendar) if phase.latest else None
    soft_at = started_at.astimezone(UTC) + (due_at - started_at) * phase.soft
    counts_days = phase.rolls or phase.limit.working_days is not None
    return Deadline(soft_at, due_at, latest_at, calendar.version if counts_days else "")


def _end(
    limit: TimeLimit, regime: Regime, phase: RegimePhase, started_at: datetime, calendar: WorkingCalendar
) -> datetime:
    """Say when a limit ends: hours by the clock that runs on through changes of local time, all else by local days."""
    if limit.hours is not None:
        return started_at.astimezone(UTC) + timedelta(hours=limit.hours)
    zone = ZoneInfo(regime.zone)
    day = _last_day(limit, started_at.astimezone(zone).date(), calendar, regime.country)
    if phase.rolls:
        day = calendar.next_working_day(day, regime.country)
    # Where the clocks go back at midnight 23:59:59 comes twice: the first one counts, for it is safe.
    return datetime.combine(day, _END_OF_DAY, zone).astimezone(UTC)


def _last_day(limit: TimeLimit, first: date, calendar: WorkingCalendar, country: str) -> date:
    if limit.working_days is not None:
        return calendar.nth_working_day(first, limit.working_days, country)
    if limit.months is not None:
        return _months_after(first, limit.months)
    return first + timedelta(days=limit.calendar_days or 0)


def _months_after(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, _MONTHS)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
