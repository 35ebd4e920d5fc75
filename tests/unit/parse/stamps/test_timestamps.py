"""Time stamps become moments in the right zone and the right year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from credwatch.kernel.clock import rfc3339
from credwatch.parse.stamps.timestamps import dated, moments


def read(stamps: list[str | None], zone: str = "UTC", reference: str = "2026-01-05T00:00:00+00:00") -> list[str | None]:
    """Read stamps and write the moments as RFC 3339."""
    found = moments(pl.Series(stamps, dtype=pl.String), zone=zone, reference=datetime.fromisoformat(reference))
    assert pl.Datetime("us", "UTC") == found.dtype
    return [rfc3339(moment) if moment else None for moment in found]


@pytest.mark.parametrize(
    ("stamp", "zone", "moment"),
    [
        ("2025-11-30T06:39:00Z", "UTC", "2025-11-30T06:39:00.000Z"),
        ("2025-11-30T06:39:00.123456789+07:00", "UTC", "2025-11-29T23:39:00.123Z"),
        ("2025-11-30T06:39:00-0330", "UTC", "2025-11-30T10:09:00.000Z"),
        ("2025-11-30 06:39:00,5", "Asia/Ho_Chi_Minh", "2025-11-29T23:39:00.500Z"),
        ("Nov 30 06:39:00", "Asia/Ho_Chi_Minh", "2025-11-29T23:39:00.000Z"),
        ("Dec  2 13:14:29", "UTC", "2025-12-02T13:14:29.000Z"),
        ("Dec  2 13:14:2", "UTC", None),
        ("Feb 30 13:14:20", "UTC", None),
        ("2025-13-01T00:00:00Z", "UTC", None),
        ("nonsense", "UTC", None),
        (None, "UTC", None),
    ],
)
def test_stamps(stamp: str | None, zone: str, moment: str | None) -> None:
    """Each form is read in its own zone or the source's; what is no stamp is null."""
    assert [moment] == read([stamp], zone)


def test_new_year() -> None:
    """Stamps without a year cross New Year: December belongs to the year before the reference's January."""
    stamps = ["Dec 31 23:59:59", "Jan  1 00:00:00", "Jan  5 12:00:00"]
    expected = ["2025-12-31T23:59:59.000Z", "2026-01-01T00:00:00.000Z", "2026-01-05T12:00:00.000Z"]
    assert expected == read(stamps)


def test_late_line_at_new_year() -> None:
    """A line of the old year that arrives after the first of the new one keeps its year."""
    stamps = ["Jan  1 00:00:01", "Dec 31 23:59:59", "Jan  1 00:00:02"]
    assert [str(moment)[:4] for moment in read(stamps)] == ["2026", "2025", "2026"]


def test_several_years_in_one_file() -> None:
    """Every New Year between a line and the last one counts."""
    stamps = ["Dec 30 10:00:00", "Jan  2 10:00:00", "Jun  1 00:00:00", "Dec 31 10:00:00", "Jan  1 10:00:00"]
    assert [str(moment)[:4] for moment in read(stamps)] == ["2024", "2025", "2025", "2025", "2026"]


def test_never_far_in_the_future() -> None:
    """A stamp more than a day after the reference belongs to the year before."""
    assert [
        *read(["Jan  5 23:00:00"]),
        *read(["Jan  7 00:00:00"]),
    ] == ["2026-01-05T23:00:00.000Z", "2025-01-07T00:00:00.000Z"]


def test_leap_day() -> None:
    """29 February goes to the nearest leap year that is not in the future."""
    assert read(["Feb 29 10:00:00"]) == ["2024-02-29T10:00:00.000Z"]
    assert read(["Feb 29 10:00:00"], reference="2028-02-29T12:00:00+00:00") == ["2028-02-29T10:00:00.000Z"]


def test_reference_on_a_leap_day() -> None:
    """A reference on 29 February is a moment like any other."""
    assert read(["Feb 28 10:00:00"], reference="2024-02-29T12:00:00+00:00") == ["2024-02-28T10:00:00.000Z"]


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("2025-03-30 02:30:00", "2025-03-30T01:30:00.000Z"),
        ("2025-10-26 02:30:00", "2025-10-26T00:30:00.000Z"),
        ("Oct 26 02:30:00", "2025-10-26T00:30:00.000Z"),
    ],
)
def test_summer_time(stamp: str, moment: str) -> None:
    """The hour left out takes the offset before it, the hour repeated means its first turn."""
    assert [moment] == read([stamp], "Europe/Berlin")


def test_nothing() -> None:
    """No stamps give no moments."""
    assert read([]) == []


def in_berlin(*walls: str, written: datetime = datetime(2026, 10, 25, 12, 0, tzinfo=UTC)) -> list[str]:
    """Read stamps of the night in which the clocks of Berlin go back from three to two."""
    read = moments(pl.Series([f"Oct 25 {wall}:00" for wall in walls]), zone="Europe/Berlin", reference=written)
    return read.dt.strftime("%H:%M").to_list()


def test_the_second_pass_of_a_repeated_hour_begins_where_the_time_of_day_falls() -> None:
    """Small disorder is no fall, and equal stamps may mean two moments."""
    walls = ("01:50", "02:10", "02:40", "02:39", "02:55", "02:05", "02:10", "02:40", "03:05")
    assert ["23:50", "00:10", "00:40", "00:39", "00:55", "01:05", "01:10", "01:40", "02:05"] == in_berlin(*walls)


def test_a_file_that_ends_within_the_repeated_hour_says_which_it_is() -> None:
    """Nothing falls yet; the moment of the last write decides."""
    assert ["00:10", "00:12"] == in_berlin("02:10", "02:12", written=datetime(2026, 10, 25, 0, 12, tzinfo=UTC))
    assert ["01:10", "01:12"] == in_berlin("02:10", "02:12", written=datetime(2026, 10, 25, 1, 12, tzinfo=UTC))


def test_a_zone_that_goes_back_by_half_an_hour() -> None:
    """Lord Howe Island, where the clocks go back from two to half past one."""
    walls = pl.Series([f"2026-04-05T{wall}:00" for wall in ("01:20", "01:50", "01:35", "01:55", "02:10")])
    read = moments(walls, zone="Australia/Lord_Howe", reference=datetime(2026, 5, 1, tzinfo=UTC))
    assert ["14:20", "14:50", "15:05", "15:25", "15:40"] == read.dt.strftime("%H:%M").to_list()


@pytest.mark.parametrize(
    ("stamps", "written", "years"),
    [
        (["Nov 11", "Dec 12", "Jan  1", "Feb  2"], datetime(2026, 9, 2, tzinfo=UTC), [2025, 2025, 2026, 2026]),
        (["Mar  1", "Jan 15", "Jan 10", "Feb  1"], datetime(2026, 9, 2, tzinfo=UTC), [2025, 2026, 2026, 2026]),
        (["Oct  1", "Sep  1", "Aug  1"], datetime(2026, 9, 2, tzinfo=UTC), [2024, 2025, 2026]),
        (["Jul  5", "Jan  1", "Jan  1", "Jul  5"], datetime(2026, 7, 5, tzinfo=UTC), [2026] * 4),
        (["Dec 31", "Jan  1", "Dec 31", "Jan  1"], datetime(2026, 1, 1, tzinfo=UTC), [2025, 2026, 2025, 2026]),
        (["Jun  3", "Jun  1", "Jun  4"], datetime(2026, 7, 5, tzinfo=UTC), [2026] * 3),
    ],
)
def test_each_fall_of_the_date_is_a_new_year(stamps: list[str], written: datetime, years: list[int]) -> None:
    """A file only grows; small disorder and a clock that was not set yet are none."""
    read = moments(pl.Series([f"{stamp} 01:00:00" for stamp in stamps]), zone="UTC", reference=written)
    assert years == read.dt.year().to_list()


@pytest.mark.parametrize(
    ("stamps", "written", "years"),
    [
        # A clock an hour, or a month, ahead for a line or two is no year.
        (["Nov 26", "Nov 26", "Dec 25", "Nov 26", "Nov 26"], "2026-11-26", [2026, 2026, 2025, 2026, 2026]),
        (["Nov 25", "Nov 26", "Dec 25"], "2026-11-26", [2026, 2026, 2025]),
        # Once a month, and once a year: everything that falls is a new year.
        ([f"{month}  1" for month in ("Oct", "Nov", "Dec", "Jan", "Feb")], "2026-02-01", [2025] * 3 + [2026] * 2),
        (["Mar  1", "Sep  1", "Mar  1", "Sep  1"], "2026-09-02", [2025, 2025, 2026, 2026]),
        # 29 February says which year its neighbours are of, also where nothing else does.
        (["Feb 28", "Feb 29", "Mar  1"], "2026-09-02", [2024] * 3),
        (["Feb 29", "Mar  1", "Jan  5"], "2025-01-06", [2024, 2024, 2025]),
    ],
)
def test_years_of_odd_files(stamps: list[str], written: str, years: list[int]) -> None:
    """A leap of the date that comes back is a wrong clock; one that does not is a year."""
    reference = datetime.fromisoformat(f"{written}T12:00:00+00:00")
    times = [f"{stamp} 01:00:{second:02}" for second, stamp in enumerate(stamps)]
    assert years == moments(pl.Series(times), zone="UTC", reference=reference).dt.year().to_list()


def test_late_lines_of_the_first_pass() -> None:
    """A line that came late, before or behind the change, keeps its own pass, and so do its neighbours."""
    walls = ("02:10", "02:30", "02:25", "02:31", "02:58", "02:00", "02:58", "02:01", "02:50")
    read = ["00:10", "00:30", "00:25", "00:31", "00:58", "01:00", "00:58", "01:01", "01:50"]
    assert read == in_berlin(*walls)


def test_few_lines_in_the_repeated_hour() -> None:
    """A small fall is enough where the lines are few; what goes on into the next hour is of the second pass."""
    assert ["23:30", "00:10", "01:08", "02:30"] == in_berlin("01:30", "02:10", "02:08", "03:30")
    assert ["01:40", "01:59", "02:01"] == in_berlin("02:40", "02:59", "03:01")


def test_guesses_are_marked() -> None:
    """Where nothing tells the pass or the year, that is said; a certain moment is no guess."""
    written = datetime(2026, 10, 26, tzinfo=UTC)
    stamps = pl.Series([f"Oct 25 {wall}:00" for wall in ("01:10", "02:30", "02:40", "03:10")])
    assert [False, True, True, False] == dated(stamps, zone="Europe/Berlin", reference=written).is_guess.to_list()
    stamps = pl.Series([f"Oct 25 {wall}:00" for wall in ("01:10", "02:30", "02:20", "03:10")])
    assert not dated(stamps, zone="Europe/Berlin", reference=written).is_guess.any()
    stamps = pl.Series(["Oct 24 01:00:00", "Oct 24 01:00:01", "Dec  1 01:00:00", "Oct 24 01:00:02"])
    assert [False, False, True, False] == dated(stamps, zone="UTC", reference=written).is_guess.to_list()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Pyongyang"])
def test_every_line_of_a_night_keeps_its_moment(zone: str) -> None:
    """Lines a minute apart, with some seconds of disorder, through each time a zone's clocks go back."""
    starts = {"Asia/Pyongyang": "2015-08-14T10:00", "Australia/Lord_Howe": "2026-04-04T12:00"}
    start = datetime.fromisoformat(starts.get(zone, "2026-10-24T20:00" if "Eu" in zone else "2026-10-31T22:00"))
    true = [start.replace(tzinfo=UTC) + timedelta(minutes=at, seconds=-20 * (at % 2)) for at in range(600)]
    walls = [moment.astimezone(ZoneInfo(zone)).strftime("%b %d %H:%M:%S") for moment in true]
    assert len(set(walls)) < len(walls)
    assert true == moments(pl.Series(walls), zone=zone, reference=true[-1]).to_list()


def test_a_neighbour_that_tells_its_year_decides() -> None:
    """Lines before one with a year are counted back from it, those behind the last such from the end of the file."""
    stamps = ["Nov 30 08:00:00", "Mar  2 08:00:00", "2024-03-02T09:00:00Z", "2024-03-01T00:00:00Z", "Jan  5 08:00:00"]
    read = moments(pl.Series(stamps), zone="UTC", reference=datetime(2026, 6, 1, tzinfo=UTC))
    assert ["2023-11-30", "2024-03-02", "2024-03-02", "2024-03-01", "2026-01-05"] == [str(it.date()) for it in read]


def test_a_wrong_clock_that_tells_its_year_decides_nothing() -> None:
    """A machine that starts without a clock writes 1970 for a while; the lines around it keep their year."""
    stamps = ["May 30 08:00:00", "May 31 08:00:00", "1970-01-01T00:00:09Z", "May 31 08:00:30", "May 31 08:01:00"]
    read = moments(pl.Series(stamps), zone="UTC", reference=datetime(2026, 6, 1, tzinfo=UTC))
    assert [2026, 2026, 1970, 2026, 2026] == [it.year for it in read]
