"""Reads what wraps a message: syslog headers old and new, and JSON lines.

Formats: RFC 3164 section 4.1, the same with an ISO 8601 stamp as rsyslog writes it, RFC 5424 section 6, and JSON
(RFC 8259).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray


class SourceKind(StrEnum):
    """What a source's lines are."""

    AUTO = "auto"
    """Each line by its look."""
    SYSLOG = "syslog"
    """Syslog, old or new."""
    JSON = "json"
    """One JSON object a line."""


_RFC5424 = (
    r"^<(?P<priority>\d{1,3})>[1-9]\d{0,2} (?P<stamp>\S+) (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) \S+ "
    r'(?:-|(?:\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\])+)(?: (?P<message>.*))?$'
)
_NEW_SYSLOG = r"^<\d{1,3}>[1-9]\d{0,2} "
_REPEATED = r"^message repeated (?P<times>\d+) times?: \[ ?(?P<inner>.*?)(?: ?\])?$"
"""How rsyslog writes repeats; the closing bracket is lost where a line was cut."""
_MOST_TIMES = 1_000_000
_MOST_WRAPPED = 4
"""So many senders on the way of a line may each have found repeats in it."""
_TRAILING = r"(?:#01[0235]|#000|[ \t])+$"
"""What stands behind a message: blanks, and the carriage return or newline that rsyslog writes as `#015` or `#012`."""
_IDENTIFIED = r"^\[ID \d+ [\w.]+\] +"
"""What Solaris puts before a message: a number made of it, and its facility and level."""
_MARK = "\ufeff"
"""The byte order mark, with which editors and some writers begin a file."""
_COLUMNS = ("row", "stamp", "host", "program", "pid", "message", "priority", "json", "problem")
_NOTHING = pl.lit(None, pl.String)


def read_envelopes(lines: pl.Series, kind: SourceKind) -> pl.DataFrame:
    """Take the envelopes off: one row for each line, in the order of the lines.

    Columns: `row` (UInt32), `stamp`, `host`, `program`, `message`, `json` (String: the JSON text, where the line or its
    message is an object), `pid`, `priority`, `repeat` (Int64), `problem` (String: `no_envelope` where the line has no
    header, `not_json` where it should be JSON and does not begin as an object). Lists no time: see `timestamps`.
    """
    frame = lines.alias("line").to_frame().with_row_index("row")
    if lines.str.starts_with(_MARK).any():
        frame = frame.with_columns(pl.col("line").str.strip_prefix(_MARK))
    # Samba indents what belongs to a header of its own.
    if lines.str.starts_with(" ").any():
        is_indented = pl.col("line").str.contains(r"^ +\{")
        frame = frame.with_columns(
            pl.when(is_indented).then(pl.col("line").str.strip_chars_start(" ")).otherwise("line")
        )
    if kind is SourceKind.JSON:
        return finished(_json(frame))
    is_object = pl.col("line").str.starts_with("{") & (kind is SourceKind.AUTO)
    is_new = pl.col("line").str.starts_with("<")
    some_object, some_new = frame.select_seq(is_object.any().alias("object"), is_new.any().alias("new")).row(0)
    if not some_object and not some_new:
        return finished(_tagged(frame))
    is_new = is_new & pl.col("line").str.contains(_NEW_SYSLOG)
    shape = pl.when(is_object).then(0).when(is_new).then(1).otherwise(2)
    return finished(_by_shape(frame, shape, (_json, _new_syslog, _tagged)))


_Reader = Callable[[pl.DataFrame], pl.DataFrame]


def _by_shape(frame: pl.DataFrame, shape: pl.Expr, readers: tuple[_Reader, ...]) -> pl.DataFrame:
    """Read each line with the reader of its shape, and put them back in order."""
    shapes = frame.select(shape.alias("shape")).to_series()
    present: list[int] = shapes.unique().to_list()
    if len(present) <= 1:
        only = readers[present[0] if present else 0]
        return only(frame)
    return pl.concat([readers[at](frame.filter(shapes == at)) for at in present]).sort("row")


def _tagged(frame: pl.DataFrame) -> pl.DataFrame:
    """Read headers that end with a tag; where lines in a row have the same one, it is read once.

    A line is cut at its first `: `. Where that turns out not to be the end of the tag, the line is read as a whole.
    """
    begins, messages = frame["line"].str.splitn(": ", 2).struct.unnest()
    runs = begins.rle_id().to_numpy()
    headers = (begins[np.flatnonzero(np.diff(runs, prepend=-1))] + ":").alias("line")
    read = _headers(headers.to_frame().with_row_index("row"))
    parts = {column.name: _spread(column, runs) for column in read}
    tagged = pl.DataFrame([parts[name] for name in _COLUMNS]).with_columns(frame["row"], messages.alias("message"))
    doubtful = (read["message"].is_not_null() | read["problem"].is_not_null()).to_numpy()[runs]
    if not doubtful.any() and not messages.null_count():
        return tagged
    again = pl.Series(doubtful | messages.is_null().to_numpy())
    return pl.concat([tagged.filter(~again), _headers(frame.filter(again))]).sort("row")


def _spread(column: pl.Series, runs: NDArray[np.uint32]) -> pl.Series:
    """Give each line what was read of its run; what is nowhere costs nothing."""
    if column.null_count() == len(column):
        return pl.Series(column.name, [None], dtype=column.dtype).new_from_index(0, len(runs))
    spread: pl.Series = column[runs]
    return spread


def _headers(frame: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("line").str.head(1)
    is_digit = first.is_between(pl.lit("0"), pl.lit("9"))
    shape = pl.when(first == "<").then(0).when(is_digit).then(1).otherwise(2)
    return _by_shape(frame, shape, (_with_priority, _iso_syslog, _old_syslog))


def _json(frame: pl.DataFrame) -> pl.DataFrame:
    is_object = pl.col("line").str.starts_with("{")
    return frame.select(
        "row",
        *(_NOTHING.alias(name) for name in _COLUMNS[1:7]),
        pl.when(is_object).then("line").alias("json"),
        pl.when(~is_object).then(pl.lit("not_json")).alias("problem"),
    )


def _old_syslog(frame: pl.DataFrame) -> pl.DataFrame:
    rest = pl.col("line").str.slice(16).str.splitn(" ", 3)
    return _with_tag(frame.select("row", pl.col("line").str.head(15).alias("stamp"), rest.alias("rest")).unnest("rest"))


def _iso_syslog(frame: pl.DataFrame) -> pl.DataFrame:
    parts = frame.select("row", pl.col("line").str.splitn(" ", 4).alias("parts")).unnest("parts")
    return _with_tag(parts.select("row", "field_0", "field_1", "field_2", "field_3").rename(_ISO_NAMES))


_ISO_NAMES = {"field_0": "stamp", "field_1": "field_0", "field_2": "field_1", "field_3": "field_2"}


def _with_tag(frame: pl.DataFrame) -> pl.DataFrame:
    """Cut `field_1`, such as `sshd[123]:`, into program and process id; `field_0` is host, `field_2` message."""
    tag = pl.col("field_1").str.strip_suffix(":").str.splitn("[", 2)
    good = pl.col("field_1").str.ends_with(":").fill_null(False)
    return frame.select(
        "row",
        "stamp",
        pl.col("field_0").alias("host"),
        tag.struct.field("field_0").alias("program"),
        tag.struct.field("field_1").str.strip_suffix("]").alias("pid"),
        pl.col("field_2").alias("message"),
        _NOTHING.alias("priority"),
        _NOTHING.alias("json"),
        pl.when(~good).then(pl.lit("no_envelope")).alias("problem"),
    )


def _with_priority(frame: pl.DataFrame) -> pl.DataFrame:
    priority = frame.select(pl.col("line").str.extract(r"^<(\d{1,3})>").alias("priority"), "row")
    bare = frame.with_columns(pl.col("line").str.replace(r"^<\d{1,3}>", ""))
    is_iso = pl.col("line").str.contains(r"^\d")
    read = _by_shape(bare, pl.when(is_iso).then(0).otherwise(1), (_iso_syslog, _old_syslog))
    return read.with_columns(priority["priority"])


def _new_syslog(frame: pl.DataFrame) -> pl.DataFrame:
    """Read RFC 5424; structured data is passed over, a nil value (`-`) is null, a byte order mark is dropped."""
    parts = frame.select("row", pl.col("line").str.extract_groups(_RFC5424).alias("parts")).unnest("parts")
    named = pl.col("stamp", "host", "program", "pid")
    problem = pl.when(pl.col("priority").is_null()).then(pl.lit("no_envelope"))
    parts = parts.with_columns(
        pl.when(named != "-").then(named),
        pl.col("message").str.strip_prefix("\ufeff"),
        _NOTHING.alias("json"),
        problem.alias("problem"),
    )
    return parts.select(_COLUMNS)


def finished(frame: pl.DataFrame) -> pl.DataFrame:
    """Take off what stands at the ends of messages, unwrap repeats, find JSON, and cast the numbers."""
    message, program = pl.col("message").str, pl.col("program").str
    blank, escaped = frame.select_seq(
        (message.ends_with(" ") | message.ends_with("\t")).any().alias("blank"),
        message.contains("#0", literal=True).any().alias("escaped"),
    ).row(0)
    if blank or escaped:
        frame = frame.with_columns(message.replace(_TRAILING, ""))
    repeats, path, identified, space, brace, mark = frame.select_seq(
        message.starts_with("message repeated ").any().alias("repeats"),
        program.starts_with("/").any().alias("path"),
        message.starts_with("[ID ").any().alias("identified"),
        *(message.starts_with(letter).any().alias(letter) for letter in " {@"),
    ).row(0)
    if repeats:
        frame = _unwrapped(frame)
        space, brace, mark = True, True, True  # what was wrapped may begin with any of them
    if path:
        frame = frame.with_columns(program.replace(r"^/.*/", ""))
    if identified:
        frame = frame.with_columns(message.replace(_IDENTIFIED, ""))
    if space:
        frame = frame.with_columns(message.strip_chars_start(" "))
    if space or brace or mark:
        wrapped = message.contains(r"^(?:@cee: ?)?\{")
        inner = pl.when(wrapped).then(message.replace(r"^@cee: ?", ""))
        frame = frame.with_columns(pl.coalesce("json", inner))
    if not repeats:
        frame = frame.with_columns(pl.lit(1, pl.Int64).alias("repeat"))
    return frame.with_columns_seq(pl.col("pid", "priority").cast(pl.Int64, strict=False))


def _unwrapped(frame: pl.DataFrame) -> pl.DataFrame:
    """Open rsyslog's `message repeated 3 times: [ … ]` into the message and a count, also one within another."""
    frame = frame.with_columns(pl.lit(1, pl.Int64).alias("repeat"))
    for _ in range(_MOST_WRAPPED):
        parts = frame["message"].str.extract_groups(_REPEATED).struct
        inner = parts.field("inner")
        if inner.null_count() == len(inner):
            break
        times = parts.field("times").cast(pl.Int64, strict=False).fill_null(1).clip(1, _MOST_TIMES)
        repeat = (frame["repeat"] * times).clip(1, _MOST_TIMES)
        frame = frame.with_columns(
            inner.zip_with(inner.is_not_null(), frame["message"]).alias("message"), repeat=repeat
        )
    return frame
