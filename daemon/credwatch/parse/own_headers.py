"""Takes apart the lines of programs that keep a log of their own: Asterisk, Dovecot, the audit daemon, web servers.

Which headers there are is data: packs say them (docs/packs.md, "Logs of a program's own").
"""

from __future__ import annotations

import polars as pl
from msgspec import Struct

from credwatch.kernel.pack import Header, PackSet
from credwatch.parse.claims import held_claims
from credwatch.parse.stamps.spelled import spelled

_HIT = "hit_"
_COLUMNS = ("row", "stamp", "host", "program", "pid", "message", "priority")
_SCHEMA = {name: pl.UInt32 if name == "row" else pl.String for name in _COLUMNS}


class OwnHeaders(Struct, frozen=True, eq=False):
    """The headers of all packs, made ready to run."""

    headers: tuple[Header, ...]
    """The headers, tried in this order."""
    claims: tuple[str, ...]
    """The texts of which one stands in every line that any of them begins."""


def own_headers(packs: PackSet) -> OwnHeaders:
    """Gather the headers of the packs, in the packs' order."""
    headers = tuple(header for pack in packs.packs for header in pack.headers)
    return OwnHeaders(headers, tuple(sorted({text for header in headers for text in header.having})))


def read_own(lines: pl.DataFrame, own: OwnHeaders) -> pl.DataFrame:
    """Read lines (`row`, `line`) into `row`, `stamp`, `host`, `program`, `pid`, `message`, `priority` (String).

    A line that several headers could begin goes to the first; lines that none does are left out. Where a header names
    no message, that is the whole line.
    """
    frames = [pl.DataFrame(schema=_SCHEMA)]
    claims = held_claims(lines["line"], own.claims)
    free = pl.Series([True]).new_from_index(0, len(lines))
    for header in own.headers:
        if claims.present.isdisjoint(header.having):
            continue
        able = (claims.of(header.having) & free).arg_true()
        read = read_header(lines[able], header)
        frames.append(read)
        free = free & ~lines["row"].is_in(read["row"].implode())
    return pl.concat(frames)


def read_header(lines: pl.DataFrame, header: Header) -> pl.DataFrame:
    """Read the lines that one header begins, as `read_own` does."""
    groups = lines["line"].str.extract_groups(f"{header.regex}(?P<{_HIT}>)").struct.unnest()
    frame = pl.concat([lines, groups], how="horizontal").filter(pl.col(_HIT).is_not_null())
    absent = [pl.lit(None, pl.String).alias(name) for name in _COLUMNS if name not in frame.columns]
    frame = frame.with_columns(absent)
    return frame.select(
        "row",
        spelled(frame["stamp"]).alias("stamp"),
        "host",
        pl.coalesce("program", pl.lit(header.program)),
        "pid",
        pl.coalesce("message", "line").alias("message"),
        "priority",
    )
