"""Reads messages with the patterns of the packs, each on the messages that begin as it does."""

from __future__ import annotations

import polars as pl

from credwatch.kernel.pack import Value
from credwatch.parse.dispatch import Dispatcher, Reader

SKIPPED = "skipped"
"""The `outcome` of a line that a pack knows as no event."""

_HIT = "hit_"


def read_messages(messages: pl.DataFrame, dispatcher: Dispatcher) -> pl.DataFrame:
    """Read messages (`row` UInt32, `program`, `message` String) with the readers their routes name.

    Gives one row for each message that a reader took, in no order: `row`, `reader` (UInt32), and a String column for
    each field that a group filled. A message that several readers could take goes to the first.
    """
    frame = messages.with_columns(dispatcher.route(messages["program"], messages["message"]))
    taken = [pl.DataFrame(schema={"row": pl.UInt32, "reader": pl.UInt32})]
    for number in frame["route"].unique():
        rest = frame.filter(pl.col("route") == number).select("row", "message")
        for reader in dispatcher.routes[number]:
            hits, rest = _try(reader, rest)
            taken.append(hits)
            if rest.is_empty():
                break
    return pl.concat([hits for hits in taken if len(hits)] or taken, how="diagonal")


def _try(reader: Reader, rest: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read what the pattern matches; return that, and the messages it left."""
    groups = rest["message"].str.extract_groups(f"{reader.pattern.regex}(?P<{_HIT}>)")
    is_hit = groups.struct.field(_HIT).is_not_null()
    hit_all = bool(is_hit.all())
    columns = [rest["row"], *(_captured(reader, groups, group) for group in reader.groups)]
    hits = pl.DataFrame(_merged(columns))
    left = rest.clear() if hit_all else rest.filter(~is_hit)
    hits = hits if hit_all else hits.filter(is_hit)
    return hits.with_columns(pl.lit(reader.number, pl.UInt32).alias("reader")), left


def _captured(reader: Reader, groups: pl.Series, group: str) -> pl.Series:
    name = reader.groups[group]
    column = groups.struct.field(group).alias(name)
    words = reader.values.get(name)
    return column.replace(words) if words else column


def _merged(columns: list[pl.Series]) -> list[pl.Series]:
    """Join columns of one name: several groups may fill one field, the first that matched does."""
    by_name: dict[str, pl.Series] = {}
    for column in columns:
        earlier = by_name.get(column.name)
        by_name[column.name] = column if earlier is None else earlier.zip_with(earlier.is_not_null(), column)
    return list(by_name.values())


def constant_frame(readers: tuple[Reader, ...]) -> pl.DataFrame:
    """Make the table of constants: row n holds what reader n says of each line; `pack` names its pack."""
    names: dict[str, None] = {}
    for reader in readers:
        names.update(dict.fromkeys(reader.pattern.constants or {}))
    columns: dict[str, list[Value | None]] = {
        name: [(reader.pattern.constants or {}).get(name) for reader in readers] for name in names
    }
    return pl.DataFrame(
        {"event.dataset": [reader.pack for reader in readers], SKIPPED: [r.pattern.skip for r in readers], **columns}
    )
