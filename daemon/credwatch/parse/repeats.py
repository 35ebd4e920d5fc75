"""Finds what the lines of syslogd stand for that say no more than `last message repeated 3 times`.

The line that is meant stands shortly before, with lines of other hosts between them perhaps. Where a log is read in
pieces it may be in the piece before: so a piece that needs them comes with the lines before it.
"""

from __future__ import annotations

import polars as pl

from credwatch.parse.look_back import LOOK_BACK_BYTES

_LAST_REPEATED = (
    r"^(?P<stamp>.+?) (?:(?P<host>[^\s:]+) )?(?:\S+: )?"
    r"(?:--- )?last message repeated (?P<times>\d+) times?(?: ---)?\s*$"
)
"""What syslogd says, and what that of macOS says between dashes."""
_MOST_TIMES = 1_000_000
_SAID = ("program", "pid", "message")


def repeats_of_last(lines: pl.DataFrame) -> pl.DataFrame:
    """Find the lines (`row`, `line`) of syslogd that stand for the line before them of their host.

    Columns: `row`, `stamp`, `host` (null where it is not named), `times` (Int64).
    """
    parts = lines.select("row", pl.col("line").str.extract_groups(_LAST_REPEATED).alias("parts")).unnest("parts")
    read = parts.filter(pl.col("times").is_not_null())
    return read.with_columns(pl.col("times").cast(pl.Int64, strict=False).fill_null(1).clip(1, _MOST_TIMES))


def with_last(frame: pl.DataFrame, last: pl.DataFrame, lines: pl.DataFrame, log: pl.Series) -> pl.DataFrame:
    """Let lines that stand for the one before them, of their log and host, say what that says, as often as they say.

    `frame` is an envelopes frame in the order of its rows, `last` what `repeats_of_last` found, `lines` the lines
    frame, and `log` numbers the log of each row.
    """
    frame = frame.join(last.select("row", "times", its_stamp="stamp", its_host="host"), on="row", how="left")
    frame = frame.sort("row").with_columns(pl.coalesce("its_host", "host").alias("host"), log)
    meant = _meant(frame, lines)
    is_last = pl.col("times").is_not_null()
    values = [pl.when(is_last).then(frame[name].gather(meant)).otherwise(name).alias(name) for name in _SAID]
    frame = frame.with_columns(
        *values,
        pl.coalesce("its_stamp", "stamp").alias("stamp"),
        pl.coalesce("times", "repeat").alias("repeat"),
        pl.when(is_last).then(None).otherwise("problem").alias("problem"),
    )
    is_alone = is_last & pl.col("message").is_null()
    problem = pl.when(is_alone).then(pl.lit("no_envelope")).otherwise("problem").alias("problem")
    return frame.with_columns(problem).drop("times", "its_stamp", "its_host", "log")


def _meant(frame: pl.DataFrame, lines: pl.DataFrame) -> pl.Series:
    """Say which row each row stands for if it stands for another; null where that is too far back."""
    is_line = pl.col("times").is_null() & pl.col("message").is_not_null()
    places = frame.with_row_index("place").select(
        pl.when(is_line).then("place").forward_fill().over("log", "host").cast(pl.Int64)
    )
    place = places.to_series()
    ends, sizes = lines["position"], lines["line"].str.len_bytes()
    is_near = (ends - ends.gather(place) <= LOOK_BACK_BYTES) & (sizes.gather(place) < LOOK_BACK_BYTES)
    return place.zip_with(is_near.fill_null(False), pl.Series([None], dtype=pl.Int64))
