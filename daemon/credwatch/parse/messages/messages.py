"""Reads messages with the patterns of the packs, each on the messages that begin as it does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from credwatch.kernel.pack import Value, literal_head
from credwatch.parse.messages.dispatch import HEAD, PatternDispatcher, PatternReader
from credwatch.parse.words import replaced, unhexed

SKIPPED = "skipped"
"""The `outcome` of a line that a pack knows as no event."""

_HIT = "hit_"


def read_messages(messages: pl.DataFrame, dispatcher: PatternDispatcher) -> list[pl.DataFrame]:
    """Read messages (`row` UInt32, `program`, `message` String) with the readers their routes name.

    Gives a frame for each reader that took any: `row`, `reader` (UInt32), and a String column for each field that a
    group filled. A message that several readers could take goes to the first.
    """
    frames: list[pl.DataFrame] = []
    texts = messages.select("row", "message")
    for number, places in dispatcher.route(messages["program"], messages["message"]):
        rest = texts[places]
        *others, last = dispatcher.routes[number]
        for reader in others:
            able, unable = _able(reader, rest)
            hits, misses = _try(reader, able)
            frames.append(hits)
            rest = pl.concat([misses, unable]) if len(misses) and len(unable) else misses if len(misses) else unable
            if rest.is_empty():
                break
        else:
            frames.append(_try(last, rest)[0])
    return [frame for frame in frames if len(frame)]


def _able(reader: PatternReader, rest: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part messages by whether they begin as the expression does, where their route does not tell that already."""
    head = literal_head(reader.pattern.regex)
    if len(head) <= HEAD:
        return rest, rest.clear()
    is_able = rest["message"].str.starts_with(head).to_numpy()
    if is_able.all():
        return rest, rest.clear()
    return rest[np.flatnonzero(is_able)], rest[np.flatnonzero(~is_able)]


def _try(reader: PatternReader, rest: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read what the pattern matches; return that, and the messages it left."""
    groups = rest["message"].str.extract_groups(f"{reader.pattern.regex}(?P<{_HIT}>)").struct.unnest()
    miss_count = groups[_HIT].null_count()
    if miss_count == len(rest):
        return rest.clear(), rest
    rows, misses = rest["row"], rest.clear()
    if miss_count:
        is_hit = groups[_HIT].is_not_null().to_numpy()
        hits = np.flatnonzero(is_hit)
        rows, groups, misses = rows[hits], groups[hits], rest[np.flatnonzero(~is_hit)]
    number = pl.Series("reader", [reader.number], dtype=pl.UInt32).new_from_index(0, len(rows))
    return pl.DataFrame([rows, number, *_captured(reader, groups)]), misses


def _captured(reader: PatternReader, groups: pl.DataFrame) -> Iterator[pl.Series]:
    """Name the groups after their fields; where several fill one field, the first that matched does."""
    by_name: dict[str, pl.Series] = {}
    for group, name in reader.groups.items():
        value, before = groups[group], by_name.get(name)
        if group in reader.pattern.hex:
            value = unhexed(value)
        by_name[name] = value if before is None else before.zip_with(before.is_not_null(), value)
    for name, column in by_name.items():
        words = reader.values.get(name)
        yield (pl.select(replaced(pl.lit(column), words)).to_series() if words else column).alias(name)


def constant_frame(readers: tuple[PatternReader, ...]) -> pl.DataFrame:
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
