"""Turns the time stamps of log lines into moments, in the time zone and the year they were meant in."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

MOMENT = pl.Datetime("us", "UTC")
"""The type of every moment in a frame."""

_WALL = pl.Datetime("us")
_AHEAD = timedelta(days=1)
_NEW_YEAR_JUMP = 358
_ISO = (
    r"^(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<time>\d\d:\d\d:\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?P<offset>[Zz]|[+-]\d\d:?\d\d)?$"
)
_OLD = r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d$"


def moments(stamps: pl.Series, *, zone: str, reference: datetime) -> pl.Series:
    """Read time stamps as moments (Datetime us, UTC), null where one cannot be read.

    Read are ISO 8601 stamps (RFC 3339, RFC 5424 section 6.2.3) and those of RFC 3164 without a year. `zone` is the
    IANA time zone of stamps that say none: in the hour that is repeated when summer time ends they mean the first
    one, in the hour that is left out the offset before the change. Each distinct stamp is parsed once.
    `reference` is the moment near which the lines end, such as the file's time of change; see `_years`.
    """
    # Stamps come in runs: one of each is looked up.
    runs = stamps.rle_id()
    firsts = stamps.gather((runs != runs.shift()).fill_null(True).arg_true()).alias("stamp")
    distinct = firsts.drop_nulls().unique(maintain_order=True)
    is_iso = distinct.str.contains(r"^\d{4}-")
    iso, old = distinct.filter(is_iso), distinct.filter(~is_iso)
    tables = [pl.DataFrame(schema={"stamp": pl.String, "moment": MOMENT})]
    if len(iso):
        tables.append(pl.DataFrame([iso, _iso(iso, zone).alias("moment")]))
    if len(old):
        tables.append(pl.DataFrame([old, _without_year(old, zone, reference).alias("moment")]))
    table = pl.concat(tables)
    found = firsts.to_frame().join(table, on="stamp", how="left", maintain_order="left").get_column("moment")
    return found.gather(runs)


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
    placed = wall.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    left_out = (placed.is_null() & wall.is_not_null()).arg_true()
    if not len(left_out):
        return placed
    tz, utc = ZoneInfo(zone), ZoneInfo("UTC")
    before = [moment.replace(tzinfo=tz, fold=0).astimezone(utc) for moment in wall.gather(left_out)]
    return placed.scatter(left_out, pl.Series(before, dtype=MOMENT))


def _without_year(stamps: pl.Series, zone: str, reference: datetime) -> pl.Series:
    whole = stamps.set(~stamps.str.contains(_OLD), None)
    in_leap_year = ("2000 " + whole).str.to_datetime("%Y %b %e %H:%M:%S", time_unit="us", strict=False)
    limit = reference.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + _AHEAD
    frame = pl.DataFrame([in_leap_year.alias("at"), _years(in_leap_year, limit).alias("year")])
    at = pl.col("at").dt
    wall = pl.datetime(pl.col("year"), at.month(), at.day(), at.hour(), at.minute(), at.second(), time_unit="us")
    read = frame.filter(pl.col("at").is_not_null()).select(wall.alias("wall")).to_series()
    placed = pl.Series("wall", [None], dtype=_WALL).new_from_index(0, len(frame))
    return _in_zone(placed.scatter(in_leap_year.is_not_null().arg_true(), read.cast(_WALL)), zone)


def _years(at: pl.Series, limit: datetime) -> pl.Series:
    """Give each stamp its year: the latest that is not after `limit`, or an earlier one where its neighbours say so.

    `at` holds the stamps in the order of their lines, all in the leap year 2000. A step from the last week of a year
    to the first one of the next, or back, is a New Year; counted back from the last line, those before it lie in
    earlier years. 29 February goes to the nearest leap year.
    """
    frame = pl.DataFrame({"at": at})
    latest = pl.when(pl.col("at") > limit.replace(year=2000)).then(limit.year - 1).otherwise(limit.year)
    step = pl.col("at").dt.ordinal_day().cast(pl.Int32).forward_fill().diff().fill_null(0)
    crossings = (step < -_NEW_YEAR_JUMP).cast(pl.Int32) - (step > _NEW_YEAR_JUMP).cast(pl.Int32)
    frame = frame.with_columns_seq(latest.cast(pl.Int32).alias("latest"), crossings.cum_sum().alias("passed"))
    anchor = pl.col("latest").filter(pl.col("at").is_not_null()).last()
    by_neighbours = anchor - (pl.col("passed").last() - pl.col("passed"))
    year = pl.min_horizontal(pl.col("latest"), by_neighbours)
    leap_day = (pl.col("at").dt.month() == 2) & (pl.col("at").dt.day() == 29)
    return frame.select_seq(pl.when(leap_day).then(_leap(year)).otherwise(year)).to_series()


def _leap(year: pl.Expr) -> pl.Expr:
    fourth = year - year % 4
    return pl.when((fourth % 100 == 0) & (fourth % 400 != 0)).then(fourth - 4).otherwise(fourth)
