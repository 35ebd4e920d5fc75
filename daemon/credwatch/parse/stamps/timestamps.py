"""Turns the time stamps of log lines into moments, in the time zone and the year they were meant in."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.kernel.ordering import numbered
from credwatch.parse.stamps.repeated_hours import in_order, may_repeat
from credwatch.parse.stamps.years import DAY_US, LEAP_DAY, LEAP_YEAR, in_leap_year, is_leap, years

MOMENT = pl.Datetime("us", "UTC")
"""The type of every moment in a frame."""

_WALL = pl.Datetime("us")
_AHEAD = timedelta(days=1)
_ISO = (
    r"^(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<time>\d\d:\d\d:\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?P<offset>[Zz]|[+-]\d\d:?\d\d)?$"
)
_OLD = r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d$"


class Dated(Struct, frozen=True, eq=False):
    """The moments of stamps, and what is not certain of them."""

    moments: pl.Series
    """Datetime us, UTC; null where a stamp cannot be read."""
    is_guess: pl.Series
    """Boolean: true where neither the stamp nor its neighbours tell the year, or the pass of a repeated hour."""


def moments(stamps: pl.Series, *, zone: str, reference: datetime) -> pl.Series:
    """Read time stamps as moments (Datetime us, UTC), null where one cannot be read; see `dated`."""
    return dated(stamps, zone=zone, reference=reference).moments


def dated(stamps: pl.Series, *, zone: str, reference: datetime) -> Dated:
    """Read time stamps, which stand in the order of their lines, as moments.

    Read are ISO 8601 stamps (RFC 3339, RFC 5424 section 6.2.3) and those of RFC 3164 without a year. `zone` is the
    IANA time zone of stamps that say none: in the hour that is repeated when summer time ends their order decides (see
    `repeated_hours`), in the hour that is left out they mean the offset before the change.
    `reference` is the moment near which the lines end, such as the file's time of change; lines before one that tells
    its year are counted back from that; see `years`.
    """
    # Stamps come in runs: of equal ones in a row the first alone is read.
    runs = stamps.rle_id().to_numpy()
    firsts = stamps[np.flatnonzero(np.diff(runs, prepend=-1))]
    times, is_guess = _read_runs(firsts, zone, reference)
    if may_repeat(times, zone):
        is_local = ~firsts.str.contains(r"^\d{4}-.*(?:[Zz]|[+-]\d\d:?\d\d)$").fill_null(True)
        times, is_open = in_order(times, is_local, zone, reference)
        is_guess = is_guess | is_open
    return Dated(times[runs], pl.Series(is_guess[runs], dtype=pl.Boolean))


def _read_runs(firsts: pl.Series, zone: str, reference: datetime) -> tuple[pl.Series, NDArray[np.bool_]]:
    """Read the stamps of runs; of those that tell their year, each distinct one once. Mark the guesses."""
    has_year = firsts.str.contains(r"^\d{4}-").fill_null(True)
    if has_year.all():
        first, number = numbered(firsts.hash().to_numpy())
        order = np.argsort(first)
        place = np.empty(len(order), np.intp)
        place[order] = np.arange(len(order))
        return _iso(firsts[first[order]], zone)[place[number]], np.zeros(len(firsts), np.bool_)
    # A stamp without a year may mean another moment a year later.
    stated = _iso(firsts.zip_with(has_year, pl.Series([None], dtype=pl.String)), zone)
    old, is_guess = _without_year(firsts, stated, zone, reference)
    return stated.zip_with(has_year, old), is_guess


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


def _without_year(
    stamps: pl.Series, stated: pl.Series, zone: str, reference: datetime
) -> tuple[pl.Series, NDArray[np.bool_]]:
    """Read stamps without a year among others, of which `told` has the moments, null for those without."""
    whole = stamps.to_frame("stamp").select_seq(
        pl.when(pl.col("stamp").str.contains(_OLD))
        .then("2000 " + pl.col("stamp"))
        .str.to_datetime("%Y %b %e %H:%M:%S", time_unit="us", strict=False)
    )
    own_year, since = in_leap_year(stated.dt.convert_time_zone(zone).dt.replace_time_zone(None).to_numpy())
    in_leap = whole.to_series().to_numpy()
    is_old = ~np.isnat(in_leap)
    since[is_old] = (in_leap[is_old] - LEAP_YEAR).astype(np.int64)
    there = is_old | stated.is_not_null().to_numpy()
    own_year[is_old] = 0
    limit = reference.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + _AHEAD
    year, is_guess = np.zeros(len(there), np.int64), np.zeros(len(there), np.bool_)
    year[there], is_guess[there] = years(since[there], limit, own_year[there])
    wall = np.full(len(there), np.datetime64("NaT", "us"))
    year, since = year[is_old], since[is_old]
    # Behind February, a day has a smaller number in a year that is no leap year.
    behind = (since // DAY_US > LEAP_DAY) & ~is_leap(year)
    wall[is_old] = (year - 1970).astype("datetime64[Y]").astype("datetime64[us]") + (since - behind * DAY_US)
    return _in_zone(pl.Series(wall, dtype=_WALL), zone), is_guess
