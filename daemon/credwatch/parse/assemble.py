"""Puts what was read of the lines together: events with their columns typed, and what is no event."""

from __future__ import annotations

import numpy as np
import polars as pl

from credwatch.kernel.dtypes import DTYPES
from credwatch.kernel.fields import BY_NAME, FieldType
from credwatch.parse.addresses import LAST_PORT, place_addresses
from credwatch.parse.messages.dispatch import PatternDispatcher
from credwatch.parse.messages.messages import SKIPPED

OWN_TIME = "own time"
"""The column of the time that an object tells itself, as text."""

_NO_LINE = r"^\s*$|^-- (?:Boot [0-9a-f]{32}|Reboot|No entries|(?:Journal|Logs) begins? at .*) --$"
"""No line of a log: nothing, or what journalctl says between entries."""

_ALWAYS = frozenset({"@timestamp", "event.dataset", "event.original", "event.action", "credwatch.repeat"})
_CAST = (FieldType.INTEGER, FieldType.NUMBER, FieldType.BOOLEAN)
"""What patterns capture as text and events hold as something else; stamps have a reader of their own."""


def assemble_events(
    read: pl.DataFrame, constants: pl.DataFrame, envelopes: pl.DataFrame, lines: pl.DataFrame, source: str
) -> pl.DataFrame:
    """Join captured values, constants and envelopes, row by row, into an events frame with `row` (UInt32).

    `read` and `constants` have one row for each event, in order; `envelopes` and `lines` one for each line. A
    captured value goes before a constant, and both before the envelope's. Where objects told their time it is in the
    column `OWN_TIME`, and `@timestamp` holds the envelope's, which may be null.
    """
    rows = read["row"]
    if len(rows) < len(lines):  # else they are all of them
        envelopes, lines = envelopes[rows], lines[rows]
    text = pl.col(pl.String)
    read = read.with_columns(pl.when(text != "").then(text))
    columns: dict[str, pl.Series] = {}
    layers = (
        *(_typed(column) for column in read.drop("row", "reader")),
        *constants.drop(SKIPPED),
        *_from_envelope(envelopes, lines, source),
    )
    for column in layers:
        earlier = columns.get(column.name)
        if earlier is not None:
            columns[column.name] = earlier.zip_with(earlier.is_not_null(), column)
        elif column.name in _ALWAYS or column.null_count() < len(column):
            columns[column.name] = column
    repeat = columns["credwatch.repeat"].fill_null(1) * envelopes["repeat"]
    columns["credwatch.repeat"] = repeat.alias("credwatch.repeat")
    return place_addresses(pl.DataFrame([rows, lines["position"], *columns.values()]))


def _typed(column: pl.Series) -> pl.Series:
    """Give a captured column its field's type; a number that is none is null, and so is a port that is none."""
    if column.name == "@timestamp":
        return column.alias(OWN_TIME)
    kind = BY_NAME[column.name].type
    if kind not in _CAST:
        return column
    values = column.cast(DTYPES[kind], strict=False)
    if column.name != "source.port":
        return values
    return values.set(~values.is_between(0, LAST_PORT), None)


def _from_envelope(envelope: pl.DataFrame, lines: pl.DataFrame, source: str) -> list[pl.Series]:
    names = {"host": "host.name", "program": "process.name", "pid": "process.pid", "message": "message"}
    named = [envelope[column].alias(name) for column, name in names.items()]
    # A plain JSON line is its object itself, and need not be kept twice.
    wrapped, nothing = (
        envelope["program"].is_not_null() | lines["inner"].is_not_null(),
        pl.Series([None], dtype=pl.String),
    )
    return [
        envelope["moment"].alias("@timestamp"),
        *named,
        envelope["priority"].alias("log.syslog.priority"),
        envelope["program"].alias("event.provider"),
        lines["line"].alias("event.original"),
        envelope["json"].zip_with(wrapped, nothing).alias("credwatch.native"),
        pl.repeat(1, len(envelope), dtype=pl.Int64, eager=True).alias("credwatch.repeat"),
        pl.repeat(source, len(envelope), dtype=pl.String, eager=True).alias("credwatch.source.id"),
    ]


def unread_lines(
    envelopes: pl.DataFrame, read: pl.Series, problems: pl.DataFrame, lines: pl.DataFrame, dispatcher: PatternDispatcher
) -> pl.DataFrame:
    """List the lines that nothing read: `position`, `line`, `reason`; what is no line of a log is left out.

    `read` holds the rows that were read, `problems` (`row`, `problem`) those of objects, which go before.
    """
    is_unread = _is_other(read, len(lines)) | ~_is_other(problems["row"], len(lines))
    if not is_unread.any():
        return pl.DataFrame(schema={"position": pl.Int64, "line": pl.String, "reason": pl.String})
    frame = pl.DataFrame([*envelopes.select("row", "program", of_envelope="problem"), *lines]).filter(is_unread)
    frame = frame.filter(~_is_none())
    frame = frame.join(problems, on="row", how="left", maintain_order="left")
    programs = frame["program"].unique().drop_nulls()
    readable = programs.filter(pl.Series([dispatcher.knows_program(name) for name in programs], dtype=pl.Boolean))
    by_program = pl.when(pl.col("program").is_in(readable.implode())).then(pl.lit("unknown_message"))
    reason = pl.coalesce("malformed", "problem", "of_envelope", by_program, pl.lit("unknown_program"))
    return frame.select("position", "line", reason.alias("reason"))


def skipped_lines(hits: pl.DataFrame, constants: pl.DataFrame, read: pl.Series, lines: pl.DataFrame) -> pl.DataFrame:
    """List the lines that are no event: `position`, `pack`; empty lines have no pack.

    `hits` and `constants` have one row for each line that a pack knows so, `read` holds all rows that were read.
    """
    skips = pl.DataFrame([lines["position"].gather(hits["row"]), constants["event.dataset"].alias("pack")])
    is_unread = _is_other(read, len(lines))
    if not is_unread.any():
        return skips
    blank = lines.filter(is_unread).filter(_is_none())
    return pl.concat([skips, blank.select("position", pl.lit(None, pl.String).alias("pack"))]).sort("position")


def _is_none() -> pl.Expr:
    return pl.coalesce("inner", "line").str.contains(_NO_LINE)


def _is_other(rows: pl.Series, count: int) -> pl.Series:
    """Mark, among so many rows, those that are not listed."""
    marks = np.ones(count, np.bool_)
    marks[rows.to_numpy()] = False
    return pl.Series(marks, dtype=pl.Boolean)
