"""Writes the time stamps of many programs in the few ways that `timestamps` reads.

Read are ISO 8601 with its habits (slashes, a comma, a blank before the offset, `time=` before the clock), the Common
Log Format, what C's `asctime` and RFC 1123 write, months in full, two digits for the year as MySQL did, the American
form, month first (`3/2/2026, 1:15:30 PM` or `03/02/2026 01:15:30`, the year perhaps of two digits), with hyphens day
first (`02-03-2026 01:15:30`), `Mar-02-26` as ASSP has it, `2026 Mar 02` as OSSEC has it, `03-02` without a year as
FreeSWITCH may, and seconds since 1970, also in milli-, micro- and nanoseconds.
"""

from __future__ import annotations

import polars as pl

_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_PLAIN = (
    r"^(?:\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:[Zz]|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2} [ \d]\d [\d:]{8})$"
)
"""What needs no other spelling."""
_OTHER = (
    r"^\[?(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?(?:"
    r"(?P<year>\d{4})[-/.:](?P<number>\d\d)[-/.:](?P<day>\d\d)(?:[Tt ,]+(?:time=)?| ?- ?)(?P<clock>\d{1,2}:\d\d:\d\d)"
    rf"|(?P<day_b>\d{{1,2}})[ /-](?P<month_b>{_MONTHS})[ /-](?P<year_b>\d{{4}})[ :](?P<clock_b>\d\d:\d\d:\d\d)"
    rf"|(?P<month_c>{_MONTHS})[a-z]* +(?P<day_c>\d{{1,2}})(?:,? (?P<year_c>\d{{4}}))? +(?P<clock_c>\d\d:\d\d:\d\d)"
    r"|(?P<year_d>\d\d)(?P<number_d>\d\d)(?P<day_d>\d\d) +(?P<clock_d>\d{1,2}:\d\d:\d\d)"
    r"|(?P<year_e>\d{4})(?P<number_e>\d\d)(?P<day_e>\d\d)[T -](?P<clock_e>\d\d:\d\d:\d\d)"
    r"|(?P<number_f>\d{1,2})/(?P<day_f>\d{1,2})/(?P<year_f>\d{4}|\d\d), "
    r"(?P<hour_f>\d{1,2})(?P<rest_f>:\d\d:\d\d)[ \x{202F}](?P<half>[AP]M)"
    r"|(?P<number_g>\d\d)/(?P<day_g>\d\d)/(?P<year_g>\d{4}|\d\d)[ :](?P<clock_g>\d\d:\d\d:\d\d)"
    r"|(?P<day_h>\d\d)-(?P<number_h>\d\d)-(?P<year_h>\d{4}) (?P<clock_h>\d\d:\d\d:\d\d)"
    rf"|(?P<month_i>{_MONTHS})-(?P<day_i>\d\d)-(?P<year_i>\d\d) (?P<clock_i>\d\d:\d\d:\d\d)"
    rf"|(?P<year_j>\d{{4}}) (?P<month_j>{_MONTHS}) +(?P<day_j>\d{{1,2}}) (?P<clock_j>\d\d:\d\d:\d\d)"
    r"|(?P<number_k>\d\d)-(?P<day_k>\d\d) (?P<clock_k>\d\d:\d\d:\d\d)"
    r"|(?P<epoch>\d{9,10})(?P<epoch_rest>\d{3}|\d{6}|\d{9})?"
    r")(?P<fraction>[.,:]\d{1,9})?(?: (?P<year_late>\d{4}))?(?: ?(?:UTC|GMT|(?P<offset>[Zz]|[+-]\d\d(?::?\d\d)?)))?"
    r"(?: [A-Z]{2,5})?\]?$"
)
_UTC = r"(?:UTC|GMT)\]?$"
_NUMBERS = {name: f"{number:02}" for number, name in enumerate(_MONTHS.split("|"), 1)}
_NAMES = {number: name for name, number in _NUMBERS.items()}


def spelled(stamps: pl.Series) -> pl.Series:
    """Write stamps (String) as ISO 8601, or as RFC 3164 has them where they tell no year; null where one is none."""
    plain = stamps.str.contains(_PLAIN)
    if plain.fill_null(True).all():
        return stamps
    frame = stamps.alias("stamp").to_frame()
    parts = frame.with_columns(pl.col("stamp").str.extract_groups(_OTHER).alias("parts")).unnest("parts")
    return parts.select(pl.when(plain).then("stamp").otherwise(_other()).alias(stamps.name)).to_series()


def _other() -> pl.Expr:
    month = _first("month", "bcij").replace_strict(_NUMBERS, default=None, return_dtype=pl.String)
    number = pl.coalesce("number", _first("number", "deghk"), pl.col("number_f").str.zfill(2), month)
    day = pl.coalesce("day", _first("day", "bcdefghijk")).str.zfill(2)
    clock = pl.coalesce("clock", _first("clock", "bcdeghijk"), _clock_of_twelve()).str.zfill(8)
    year = pl.coalesce("20" + _short_year(), "year", _first("year", "bcefghj"), "year_late")
    fraction = pl.coalesce("." + pl.col("fraction").str.slice(1), pl.lit(""))
    dated = pl.concat_str(year, pl.lit("-"), number, pl.lit("-"), day, pl.lit("T"), clock, fraction, _offset())
    name = pl.coalesce("month_c", pl.col("number_k").replace_strict(_NAMES, default=None, return_dtype=pl.String))
    undated = pl.concat_str(name, pl.lit(" "), day.str.replace("^0", " "), pl.lit(" "), clock)
    return pl.coalesce(dated, undated, _epoch())


def _first(part: str, forms: str) -> pl.Expr:
    """Take a part of a stamp from the form that it has."""
    return pl.coalesce(f"{part}_{form}" for form in forms)


def _short_year() -> pl.Expr:
    american = pl.coalesce("year_f", "year_g")
    return pl.coalesce("year_d", "year_i", pl.when(american.str.len_chars() == 2).then(american))


def _clock_of_twelve() -> pl.Expr:
    """Read hours that are counted to twelve, twice a day; the twelfth is the first of its half."""
    hour = pl.col("hour_f").cast(pl.Int64, strict=False) % 12 + pl.when(pl.col("half") == "PM").then(12).otherwise(0)
    return hour.cast(pl.String) + pl.col("rest_f")


def _offset() -> pl.Expr:
    stated = pl.when(pl.col("offset").str.len_chars() == 3).then(pl.col("offset") + ":00").otherwise("offset")
    return pl.coalesce(stated, pl.when(pl.col("stamp").str.contains(_UTC)).then(pl.lit("Z")), pl.lit(""))


def _epoch() -> pl.Expr:
    moment = pl.from_epoch(pl.col("epoch").cast(pl.Int64, strict=False), time_unit="s")
    fraction = pl.coalesce("." + pl.col("epoch_rest"), "." + pl.col("fraction").str.slice(1), pl.lit(""))
    return pl.concat_str(moment.dt.strftime("%Y-%m-%dT%H:%M:%S"), fraction, pl.lit("Z"))
