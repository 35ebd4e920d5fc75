"""Reads the headers of syslog lines that are written otherwise: what the fast readers leave.

Lines from BusyBox, OpenWrt, macOS, BSD, Solaris, appliances, and the texts of `journalctl`. All have a stamp, perhaps a
facility, perhaps a host, and a tag; they differ in the stamp and in the order. One expression takes them apart; the
stamp is put into one of the two forms that `timestamps` reads. It is run on lines that no fast reader could read, so
what is common costs nothing.
"""

from __future__ import annotations

import polars as pl

_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_NAMED = (
    "(?:auth|authpriv|security|audit|daemon|user|kern|mail|cron|syslog|lpr|news|uucp|ftp|ntp|console|clock|alert"
    "|local[0-7])"
)
_FACILITY = (
    # AIX writes auth|security:info; FreeBSD <4.6>, as numbers, or by name.
    rf"<?(?:{_NAMED}(?:\|{_NAMED})?|\d{{1,2}})"
    r"[.:](?:emerg|panic|alert|crit|err|error|warn|warning|notice|info|debug|[0-7])>?"
)
_ODD = (
    r"^(?:<(?P<priority>\d{1,3})>)?(?:\d+: )?\*?\[?(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?"
    r"(?:"
    r"(?P<date>\d{4}[-/]\d\d[-/]\d\d)[Tt ](?P<time>\d\d:\d\d:\d\d)(?P<fraction>[.,]\d{1,9})? ?"
    r"(?P<offset>[Zz]|[+-]\d\d(?::?\d\d)?)?"
    rf"|(?:(?P<year_first>\d{{4}}) )?(?P<month>{_MONTHS}) +(?P<day>\d{{1,2}}) (?:(?P<year>\d{{4}}) )?"
    r"(?P<hour>\d{1,2})(?P<minutes>:\d\d:\d\d)(?P<parts>[.,]\d{1,9})?"
    r"(?: (?:(?P<early>UTC|GMT) )?(?P<year_last>(?:19|20)\d\d))?"
    rf"|(?P<day_first>\d{{1,2}})[ /-](?P<month_then>{_MONTHS})[ /-](?P<year_then>\d{{4}})[ :]"
    r"(?P<hour_then>\d{1,2})(?P<minutes_then>:\d\d:\d\d)(?P<parts_then>[.,]\d{1,9})?"
    r"|(?P<unix>\d{9,10})(?:(?P<unix_milliseconds>\d{3})|(?P<unix_parts>\.\d{1,9}))?"
    r")"
    r"(?: (?P<zone>UTC|GMT|Z)| [A-Z][A-Za-z]{2,4}| (?P<zone_offset>[+-]\d\d(?::?\d\d)?))?\]?:? +"
    # What `log show` of macOS lists: thread, kind, activity, process, time to live.
    r"(?:0x[0-9a-f]+ +[A-Z][a-z]+ +0x[0-9a-f]+ +(?P<shown_pid>\d+) +\d+ +)?"
    rf"(?:{_FACILITY}:? +)?"
    r"(?:(?:[^\s:]+ )?Message forwarded from (?P<origin>[^\s:]+): +|(?:(?P<host>[^\s\[]*[^\s\[:]) +)??)"
    rf"(?:{_FACILITY}:? +)?"
    r"(?P<program>[^\s\[:(]+(?:\([^)]*\))?)(?:\[(?P<pid>\d+)(?:[.:]\w+)?\](?:: *)|:(?: +|$))"
    r"(?:\[ID \d+ [\w.]+\] +)?(?:(?:\([\w.+-]+\) +)?\[com\.apple\.[\w.-]+:[^\]]*\] +)?(?P<message>.*)$"
)
_WITHOUT_PRIORITY = (
    r"^[1-9]\d? (?P<stamp>\d{4}-\d\d-\d\dT\S+) (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) \S+ "
    r'(?:-|(?:\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\])+)(?: (?P<message>.*))?$'
)
"""RFC 5424 as a file has it whose writer leaves the priority out."""
_SSH_UNIT, _UNIT = r"^sshd?(?:@.*)?\.service$", r"\.service$"
_LIBRARY = r"^\([\w.+-]+\) +"
_FIELDS = ("host", "program", "pid", "message", "priority")
_NUMBERS = [(name, f"{number:02}") for number, name in enumerate(_MONTHS.split("|"), 1)]


def is_odd(frame: pl.DataFrame) -> pl.Series:
    """Say which rows of an envelopes frame with `moment` no fast reader has read, or has read amiss.

    A host that ends with a colon is a tag in truth: the line names no host.
    """
    unread = pl.col("problem").is_not_null() | pl.col("moment").is_null()
    amiss = pl.col("host").str.ends_with(":") | pl.col("message").str.starts_with("last message repeated ")
    return frame.select((pl.col("json").is_null() & (unread | amiss)).fill_null(False)).to_series()


def read_odd(lines: pl.DataFrame) -> pl.DataFrame:
    """Read lines (`row`, `line`) into `row`, `stamp`, `host`, `program`, `pid`, `message`, `priority` (String).

    Lines that are none of these are left out.
    """
    parts = lines.select("row", pl.col("line").str.extract_groups(_ODD).alias("parts")).unnest("parts")
    read = parts.filter(pl.col("program").is_not_null())
    read = read.with_columns(
        pl.coalesce("origin", "host").alias("host"),
        pl.coalesce("zone", "early").alias("zone"),
        pl.coalesce("month", "month_then").alias("month"),
        pl.coalesce("day", "day_first").alias("day"),
        pl.coalesce("hour", "hour_then").alias("hour"),
        pl.coalesce("minutes", "minutes_then").alias("minutes"),
        pl.coalesce("parts", "parts_then").alias("parts"),
        pl.coalesce("pid", "shown_pid").alias("pid"),
        # `journalctl -o with-unit` names the unit where the program stands.
        pl.col("program").str.replace(_SSH_UNIT, "sshd").str.replace(_UNIT, ""),
        pl.when(pl.col("shown_pid").is_null()).then("message")
        .otherwise(pl.col("message").str.replace(_LIBRARY, "")).alias("message"),
    )  # fmt: skip
    named = read.select("row", _stamp().alias("stamp"), *_FIELDS)
    return named if len(read) == len(lines) else pl.concat([named, _without_priority(lines, read)])


def _without_priority(lines: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Read lines of RFC 5424 that begin with its version; a nil value (`-`) is null."""
    rest = lines.join(read, on="row", how="anti")
    parts = rest.select("row", pl.col("line").str.extract_groups(_WITHOUT_PRIORITY).alias("parts")).unnest("parts")
    named = pl.col("host", "program", "pid")
    hits = parts.filter(pl.col("program").is_not_null()).with_columns(pl.when(named != "-").then(named))
    return hits.select(
        "row", "stamp", "host", "program", "pid", pl.col("message").str.strip_prefix("\ufeff"),
        pl.lit(None, pl.String).alias("priority"),
    )  # fmt: skip


def _stamp() -> pl.Expr:
    """Write the stamp as ISO 8601 where it has a year, else as RFC 3164 has it."""
    iso = pl.concat_str(
        pl.col("date").str.replace_all("/", "-"), pl.lit("T"), "time", pl.col("fraction").fill_null(""), _offset()
    )
    year = pl.coalesce("year_first", "year", "year_last", "year_then")
    clock = pl.concat_str(pl.col("hour").str.zfill(2), "minutes")
    month = pl.col("month").replace_strict(dict(_NUMBERS), default=None, return_dtype=pl.String)
    dated = pl.concat_str(
        year, pl.lit("-"), month, pl.lit("-"), pl.col("day").str.zfill(2), pl.lit("T"), clock,
        pl.col("parts").fill_null(""), _offset(),
    )  # fmt: skip
    undated = pl.concat_str("month", pl.lit(" "), pl.col("day").str.zfill(2).str.replace("^0", " "), pl.lit(" "), clock)
    return pl.coalesce(iso, dated, undated, _unix())


def _offset() -> pl.Expr:
    stated = pl.coalesce("offset", "zone_offset")
    offset = pl.when(stated.str.len_chars() == 3).then(stated + ":00").otherwise(stated)
    return pl.coalesce(offset, pl.when(pl.col("zone").is_not_null()).then(pl.lit("Z")), pl.lit(""))


def _unix() -> pl.Expr:
    moment = pl.from_epoch(pl.col("unix").cast(pl.Int64, strict=False), time_unit="s")
    parts = pl.coalesce("." + pl.col("unix_milliseconds"), "unix_parts", pl.lit(""))
    return pl.concat_str(moment.dt.strftime("%Y-%m-%dT%H:%M:%S"), parts, pl.lit("Z"))
