"""The end of a phase: exact hours, days that end at midnight where the addressee is, working days, months."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credwatch.app.regimes import shipped_regimes
from credwatch.world.calendars import CalendarDay, WorkingCalendar
from credwatch.world.regimes import Regime
from credwatch.world.time_limits import deadline

REGIMES = shipped_regimes()
VIETNAM, PARIS, CALIFORNIA = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Brussels"), ZoneInfo("America/Los_Angeles")
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))
ZONES = st.sampled_from(
    ["Asia/Ho_Chi_Minh", "Europe/Brussels", "America/Los_Angeles", "America/Havana", "Pacific/Apia"]
)


def a_regime(zone: str = "Asia/Ho_Chi_Minh", country: str = "VN", **phase: object) -> Regime:
    """Build a regime of one phase."""
    first = {
        "id": "report",
        "step": "initial",
        "addressee": "The authority",
        "toward": "authority",
        "starts": "detected",
        "wording": "in time",
    }
    about = {
        "id": "law",
        "name": "A law",
        "texts": ["Art. 1"],
        "in_force": True,
        "source": "here",
        "certainty": "primary",
    }
    return Regime.model_validate(
        {**about, "checked_on": "2026-11-27", "zone": zone, "country": country, "phase": [first | phase]}
    )


def due(regime: Regime, started_at: datetime, phase: int = 0, days: tuple[CalendarDay, ...] = ()) -> datetime:
    """Return the end of a phase."""
    return deadline(regime, regime.phase[phase], started_at, WorkingCalendar(days)).due_at


# What each law gives, with its start and its end as a clock on the addressee's wall shows them.
PLAYED = [
    ("contract-modoro-s8", "customer_notice", "2026-11-20T12:00+07:00", "2026-11-20T13:00+07:00"),
    ("contract-modoro-s8", "customer_update", "2026-11-20T12:00+07:00", "2026-11-23T12:00+07:00"),
    ("contract-modoro-s8", "disclosure_notice", "2026-12-31T23:30+07:00", "2027-01-01T00:30+07:00"),
    ("contract-modoro-s8", "report_answer", "2026-11-20T12:00+07:00", "2026-11-21T12:00+07:00"),
    ("contract-modoro-s8", "breach_report", "2026-11-20T12:00+07:00", "2026-11-20T13:00+07:00"),
    ("contract-modoro-s8", "breach_update", "2026-11-20T12:00+07:00", "2026-11-23T12:00+07:00"),
    # Through Tết 2027, which begins on the evening of 5 February: hours do not stand still.
    ("vn-personal-data", "notification", "2027-02-05T17:30+07:00", "2027-02-08T17:30+07:00"),
    ("vn-personal-data", "supplement", "2026-12-29T09:00+07:00", "2027-01-03T23:59:59+07:00"),
    ("vn-personal-data-subjects", "subjects", "2027-02-05T17:30+07:00", "2027-02-08T17:30+07:00"),
    ("vn-cyber", "at_once", "2026-11-20T12:00+07:00", "2026-11-20T13:00+07:00"),
    ("vn-cyber", "initial", "2027-02-06T02:00+07:00", "2027-02-07T02:00+07:00"),
    ("vn-cyber", "report", "2027-02-06T02:00+07:00", "2027-02-09T02:00+07:00"),
    ("vn-cyber", "final", "2026-11-27T00:00+07:00", "2026-12-02T23:59:59+07:00"),
    ("vn-processor", "notice", "2026-11-20T12:00+07:00", "2026-11-21T12:00+07:00"),
    ("vn-processor", "package", "2026-11-20T12:00+07:00", "2026-11-22T12:00+07:00"),
    ("vn-consumer", "notification", "2026-12-31T20:00+07:00", "2027-01-01T20:00+07:00"),
    # Summer time ends in the night of 25 October 2026: 72 hours end an hour earlier on the wall.
    ("eu-gdpr", "notification", "2026-10-23T18:00+02:00", "2026-10-26T17:00+01:00"),
    ("eu-gdpr", "supplement", "2026-10-26T17:00+01:00", "2026-10-29T17:00+01:00"),
    ("eu-gdpr", "persons", "2026-03-28T10:00+01:00", "2026-03-31T11:00+02:00"),
    ("eu-gdpr-processor", "notice", "2026-11-20T12:00+01:00", "2026-11-21T12:00+01:00"),
    ("eu-gdpr-processor", "package", "2026-10-24T12:00+02:00", "2026-10-26T11:00+01:00"),
    ("eu-omnibus", "notification", "2026-11-20T12:00+01:00", "2026-11-24T12:00+01:00"),
    ("uk-gdpr", "notification", "2026-10-24T12:00+01:00", "2026-10-27T11:00+00:00"),
    ("uk-gdpr", "persons", "2026-11-20T12:00+00:00", "2026-11-23T12:00+00:00"),
    ("eu-nis2", "early_warning", "2026-10-24T12:00+02:00", "2026-10-25T11:00+01:00"),
    ("eu-nis2", "notification", "2026-11-20T12:00+01:00", "2026-11-23T12:00+01:00"),
    # A month from the last day of January ends with February.
    ("eu-nis2", "final", "2027-01-31T09:00+01:00", "2027-02-28T23:59:59+01:00"),
    ("eu-nis2", "after_handling", "2026-12-15T09:00+01:00", "2027-01-15T23:59:59+01:00"),
    ("sg-pdpa", "assessment", "2026-12-05T09:00+08:00", "2027-01-04T23:59:59+08:00"),
    # The day there decides: in Hanoi it is still 23:30 of the day before.
    ("sg-pdpa", "notification", "2026-11-20T23:30+07:00", "2026-11-24T23:59:59+08:00"),
    ("sg-pdpa", "persons", "2026-11-20T10:00+08:00", "2026-11-23T23:59:59+08:00"),
    ("th-pdpa", "notification", "2026-11-20T12:00+07:00", "2026-11-23T12:00+07:00"),
    ("th-pdpa", "persons", "2026-11-20T12:00+07:00", "2026-11-23T12:00+07:00"),
    # Across the end of summer time, and by the day in California.
    ("us-ca", "residents", "2026-10-21T02:00+07:00", "2026-11-19T23:59:59-08:00"),
    ("us-ca", "attorney_general", "2026-02-20T12:00-08:00", "2026-03-07T23:59:59-08:00"),
]


@pytest.mark.parametrize(("regime", "phase", "start", "end"), PLAYED, ids=lambda value: str(value))
def test_each_shipped_phase_ends_when_its_law_says(regime: str, phase: str, start: str, end: str) -> None:
    """From the start that the law names to the second at which a report is still in time."""
    law = REGIMES[regime]
    (terms,) = [one for one in law.phase if one.id == phase]
    times = deadline(law, terms, datetime.fromisoformat(start), WorkingCalendar())
    assert datetime.fromisoformat(end) == times.due_at
    assert datetime.fromisoformat(start) < times.soft_at < times.due_at
    assert "" == times.calendar


def test_every_shipped_phase_is_played() -> None:
    """No regime ships a time that the table above does not hold."""
    shipped = {(regime.id, phase.id) for regime in REGIMES.values() for phase in regime.phase}
    assert shipped == {(regime, phase) for regime, phase, _, _ in PLAYED}


def test_thailand_excuses_fifteen_days_at_most() -> None:
    """Beyond the 72 hours reasons help until the end of the fifteenth day."""
    law = REGIMES["th-pdpa"]
    times = deadline(law, law.phase[0], datetime.fromisoformat("2026-11-20T12:00+07:00"), WorkingCalendar())
    assert datetime.fromisoformat("2026-12-05T23:59:59+07:00") == times.latest_at


@given(MOMENTS, st.integers(1, 500), ZONES)
def test_hours_are_exact(start: datetime, hours: int, zone: str) -> None:
    """No change of local time, weekend or holiday lengthens or shortens them."""
    assert start + timedelta(hours=hours) == due(a_regime(zone, within={"hours": hours}), start)


@given(MOMENTS, st.integers(1, 60), ZONES)
@example(datetime(2026, 10, 31, 12, tzinfo=UTC), 1, "America/Havana")
def test_days_end_with_the_last_second_of_the_last_one(start: datetime, days: int, zone: str) -> None:
    """The first day is not counted, and the day is the addressee's."""
    end = due(a_regime(zone, within={"calendar_days": days}), start).astimezone(ZoneInfo(zone))
    assert time(23, 59, 59) == end.time()
    assert start.astimezone(ZoneInfo(zone)).date() + timedelta(days=days) == end.date()


@given(MOMENTS, st.integers(1, 24))
@example(datetime(2028, 1, 31, 3, tzinfo=UTC), 1)
@example(datetime(2026, 12, 31, 3, tzinfo=UTC), 2)
def test_months_end_on_the_same_day_or_the_last(start: datetime, months: int) -> None:
    """The month is the right one, and its day never a later one than that of the start."""
    first = start.astimezone(VIETNAM).date()
    end = due(a_regime(within={"months": months}), start).astimezone(VIETNAM)
    assert (first.year * 12 + first.month + months) == end.year * 12 + end.month
    is_last = (end.date() + timedelta(days=1)).day == 1
    assert end.day == first.day or (end.day < first.day and is_last)


@given(MOMENTS, st.integers(1, 15))
def test_working_days_are_those_that_the_library_knows(start: datetime, days: int) -> None:
    """So many working days lie behind the first day, up to the last; and the last is one."""
    own = holidays.country_holidays("VN")
    first = start.astimezone(VIETNAM).date()
    end = due(a_regime(within={"working_days": days}), start).astimezone(VIETNAM).date()
    between = [first + timedelta(days=number + 1) for number in range((end - first).days)]
    assert days == sum(own.is_working_day(day) for day in between)
    assert own.is_working_day(end)


def test_two_working_days_wait_out_tet() -> None:
    """What begins on the last day before Tết 2027 is due behind it."""
    eve = datetime(2027, 2, 3, 15, tzinfo=VIETNAM)
    end = due(a_regime(within={"working_days": 2}), eve).astimezone(VIETNAM)
    assert datetime(2027, 2, 12, 23, 59, 59, tzinfo=VIETNAM) == end


def test_a_last_day_that_is_none_moves_where_the_law_says_so() -> None:
    """Without that word the day stays, be it a Sunday."""
    friday = datetime(2026, 11, 27, 9, tzinfo=VIETNAM)
    stays = due(a_regime(within={"calendar_days": 2}), friday).astimezone(VIETNAM).date()
    moves = due(a_regime(within={"calendar_days": 2}, rolls=True), friday).astimezone(VIETNAM).date()
    assert (date(2026, 11, 29), date(2026, 11, 30)) == (stays, moves)


def test_the_operator_knows_a_day_better_than_the_library() -> None:
    """A day that the government gave off late counts as such, and the clock says by which calendar it was counted."""
    monday_off = CalendarDay(date=date(2026, 11, 30), works=False, why="Decision 1/2026")
    regime = a_regime(within={"working_days": 1})
    friday = datetime(2026, 11, 27, 9, tzinfo=VIETNAM)
    assert date(2026, 12, 1) == due(regime, friday, days=(monday_off,)).astimezone(VIETNAM).date()
    with_own, without = (
        deadline(regime, regime.phase[0], friday, WorkingCalendar(days)) for days in ((monday_off,), ())
    )
    assert with_own.calendar != without.calendar
    assert without.calendar.startswith(f"holidays {holidays.__version__}")


@given(MOMENTS, st.floats(0.05, 0.95))
def test_the_warning_comes_within_the_time(start: datetime, soft: float) -> None:
    """It divides the time as the regime says."""
    regime = a_regime(within={"hours": 100}, soft=soft)
    times = deadline(regime, regime.phase[0], start, WorkingCalendar())
    assert abs((times.soft_at - start) - timedelta(hours=100) * soft) < timedelta(milliseconds=1)
