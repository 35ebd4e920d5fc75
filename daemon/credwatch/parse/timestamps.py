"""Turns the time stamps of log lines into moments, in the time zone and the year they were meant in."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.kernel.ordering import numbered

Numbers = NDArray[np.int64]

MOMENT = pl.Datetime("us", "UTC")
"""The type of every moment in a frame."""

_WALL = pl.Datetime("us")
_AHEAD = timedelta(days=1)
_NEW_YEAR_JUMP = 358
_FALL = 7
"""Lines may come out of order by less than this many days; a date that falls by more is of the next year."""
_MOST_DAYS = 800
_LEAP_YEAR = np.datetime64("2000-01-01", "us")
_LEAP_DAY = 59
"""29 February, counted from 0."""
_DAY_US = 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)
_ISO = (
    r"^(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<time>\d\d:\d\d:\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?P<offset>[Zz]|[+-]\d\d:?\d\d)?$"
)
_OLD = r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d$"


def moments(stamps: pl.Series, *, zone: str, reference: datetime) -> pl.Series:
    """Read time stamps as moments (Datetime us, UTC), null where one cannot be read.

    Read are ISO 8601 stamps (RFC 3339, RFC 5424 section 6.2.3) and those of RFC 3164 without a year. `zone` is the
    IANA time zone of stamps that say none: in the hour that is repeated when summer time ends their order decides (see
    `_repeated_hours`), in the hour that is left out they mean the offset before the change. Each distinct stamp is
    parsed once.
    `reference` is the moment near which the lines end, such as the file's time of change; see `_years`.
    """
    # Stamps come in runs: of equal ones in a row the first alone is read.
    runs = stamps.rle_id().to_numpy()
    firsts = stamps[np.flatnonzero(np.diff(runs, prepend=-1))]
    moments: pl.Series = _read_runs(firsts, zone, reference)[runs]
    return _repeated_hours(stamps, moments, zone, reference) if _has_repeated_hour(moments, zone) else moments


def _read_runs(firsts: pl.Series, zone: str, reference: datetime) -> pl.Series:
    """Read the stamps of runs; of those that tell their year, each distinct one once."""
    if not firsts.str.contains(r"^\d{4}-").fill_null(True).all():
        return _read(firsts, zone, reference)  # a stamp without a year may mean another moment a year later
    first, number = numbered(firsts.hash().to_numpy())
    order = np.argsort(first)
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    return _read(firsts[first[order]], zone, reference)[place[number]]


def _has_repeated_hour(moments: pl.Series, zone: str) -> bool:
    """Say whether the clocks of a zone were put back anywhere near these moments."""
    earliest, latest = moments.min(), moments.max()
    if zone == "UTC" or not isinstance(earliest, datetime) or not isinstance(latest, datetime):
        return False
    days = min((latest - earliest).days + 3, _MOST_DAYS)
    tz, start = ZoneInfo(zone), earliest - _AHEAD
    offsets = [(start + _AHEAD * day).astimezone(tz).utcoffset() or timedelta() for day in range(days)]
    return any(later < earlier for earlier, later in pairwise(offsets))


def _repeated_hours(stamps: pl.Series, moments: pl.Series, zone: str, reference: datetime) -> pl.Series:
    """Tell the second pass of a repeated hour from the first, for stamps without an offset, read as the first.

    Lines are written in order. So where the time of day falls by at least half of what the clocks were put back, the
    second pass has begun. Where it never falls, and the file was written last within that hour or the one behind it,
    the pass that lies nearer to that moment is meant. Else nobody can know, and the first one stands.
    """
    has_offset = stamps.str.contains(r"[Zz]$|[+-]\d\d:?\d\d$").fill_null(True)
    wall = moments.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    second = wall.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null").dt.convert_time_zone("UTC")
    back = (second - moments).dt.total_microseconds().fill_null(0).to_numpy()
    chosen = np.flatnonzero((back > 0) & ~has_offset.to_numpy())
    times, last = wall.to_physical().to_numpy(), int(reference.timestamp() * 1_000_000)
    is_second = np.zeros(len(moments), bool)
    for day in np.unique(times[chosen] // _DAY_US):
        rows = chosen[times[chosen] // _DAY_US == day]
        falls = np.maximum.accumulate(times[rows]) - times[rows] >= back[rows] // 2
        if falls.any():
            is_second[rows[np.argmax(falls) :]] = True
        else:
            first_pass = int(moments.to_physical()[int(rows[-1])])
            is_near = abs(last - first_pass - back[rows[-1]]) < min(back[rows[-1]], abs(last - first_pass))
            is_second[rows] = is_near
    return second.zip_with(pl.Series(is_second), moments)


def _read(distinct: pl.Series, zone: str, reference: datetime) -> pl.Series:
    is_iso = distinct.str.contains(r"^\d{4}-").fill_null(False)
    count = is_iso.sum()
    if count == 0:
        return _without_year(distinct, zone, reference)
    if count == len(distinct):
        return _iso(distinct, zone)
    both = pl.concat([_iso(distinct.filter(is_iso), zone), _without_year(distinct.filter(~is_iso), zone, reference)])
    return both[np.argsort(np.append(is_iso.arg_true().to_numpy(), (~is_iso).arg_true().to_numpy()))]


def _iso(stamps: pl.Series, zone: str) -> pl.Series:
    parts = stamps.str.extract_groups(_ISO).struct.unnest()
    wall = (parts["date"] + " " + parts["time"]).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    fraction = parts["fraction"].str.head(6).str.pad_end(6, "0").cast(pl.Int64).fill_null(0)
    frame = pl.DataFrame({"wall": wall, "fraction": fraction, "offset": parts["offset"]})
    sign = pl.when(pl.col("offset").str.starts_with("-")).then(-1).otherwise(1)
    hours = pl.col("offset").str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = pl.col("offset").str.slice(-2).cast(pl.Int64, strict=False)
    ahead = (sign * (hours * 60 + minutes)).fill_null(0)
    frame = frame.with_columns(
        (pl.col("wall") - pl.duration(minutes=ahead)).dt.replace_time_zone("UTC").alias("absolute"),
        _localised(wall.filter(parts["offset"].is_null()), wall, zone).alias("local"),
    )
    chosen = pl.when(pl.col("offset").is_null()).then("local").otherwise("absolute")
    return frame.select(chosen + pl.duration(microseconds="fraction")).to_series().cast(MOMENT)


def _localised(needed: pl.Series, wall: pl.Series, zone: str) -> pl.Series:
    """Place wall times in a zone; costs nothing where no stamp needs it."""
    if not len(needed):
        return pl.Series(dtype=MOMENT).extend_constant(None, len(wall))
    return _in_zone(wall, zone)


def _in_zone(wall: pl.Series, zone: str) -> pl.Series:
    if zone == "UTC":
        return wall.dt.replace_time_zone(zone)
    placed = wall.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    left_out = (placed.is_null() & wall.is_not_null()).arg_true()
    if not len(left_out):
        return placed
    tz, utc = ZoneInfo(zone), ZoneInfo("UTC")
    before = [moment.replace(tzinfo=tz, fold=0).astimezone(utc) for moment in wall.gather(left_out)]
    return placed.scatter(left_out, pl.Series(before, dtype=MOMENT))


def _without_year(stamps: pl.Series, zone: str, reference: datetime) -> pl.Series:
    whole = stamps.to_frame("stamp").select_seq(
        pl.when(pl.col("stamp").str.contains(_OLD))
        .then("2000 " + pl.col("stamp"))
        .str.to_datetime("%Y %b %e %H:%M:%S", time_unit="us", strict=False)
    )
    in_leap_year = whole.to_series().to_numpy()
    there = ~np.isnat(in_leap_year)
    day, time = np.divmod((in_leap_year[there] - _LEAP_YEAR).astype(np.int64), _DAY_US)
    limit = reference.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + _AHEAD
    year = _years(day, day * _DAY_US + time, limit)
    first = (year - 1970).astype("datetime64[Y]").astype("datetime64[us]")
    # Behind February, a day has a smaller number in a year that is no leap year.
    day -= (day > _LEAP_DAY) & ~_is_leap(year)
    wall = np.full(len(there), np.datetime64("NaT", "us"))
    wall[there] = first + day * _DAY_US + time
    return _in_zone(pl.Series(wall, dtype=_WALL), zone)


def _years(day: Numbers, since: Numbers, limit: datetime) -> Numbers:
    """Give each stamp its year: the latest that is not after `limit`, or an earlier one where its neighbours say so.

    The stamps come in the order of their lines, all in the leap year 2000: `day` counts its days from 0, `since` is
    in microseconds. A file only grows, so a date that falls by more than a week is of the next year, and a step from
    the first week of a year to the last is one back; counted back from the last line, those before it lie in earlier
    years. Dates of a clock that was not set yet are passed over. 29 February goes to the nearest leap year.
    """
    latest = limit.year - (since > (limit.replace(year=2000) - _LEAP_YEAR.item()) // _MICROSECOND)
    steady = _without_unset_clocks(day)
    step = np.diff(steady, prepend=steady[:1])
    passed = np.cumsum((step < -_FALL).astype(np.int64) - (step > _NEW_YEAR_JUMP))
    year = np.minimum(latest, latest[-1:] - (passed[-1:] - passed))
    fourth = year - year % 4
    leap = np.where(_is_leap(fourth), fourth, fourth - 4)
    return np.asarray(np.where(day == _LEAP_DAY, leap, year))


def _without_unset_clocks(day: Numbers) -> Numbers:
    """Give lines of 1 January between two of one other date that date: machines without a battery start with it."""
    steady = day.copy()
    for begin in np.flatnonzero((np.diff(day) < -_FALL) & (np.diff(day) >= -_NEW_YEAR_JUMP) & (day[1:] == 0)) + 1:
        behind = begin + int(np.argmax(np.append(day[begin:], -1) != 0))
        if behind < len(day) and abs(day[behind] - day[begin - 1]) <= 1:
            steady[begin:behind] = day[begin - 1]
    return steady


def _is_leap(year: Numbers) -> NDArray[np.bool_]:
    return np.asarray((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)))
