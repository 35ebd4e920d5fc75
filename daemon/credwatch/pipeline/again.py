"""Reads kept lines again once packs have changed: what they tell is carried through like any late line, and once.

The lines are read as on the day when they came: a stamp without a year means the year near their reading. Secrets in
them were masked when they were kept, and stay so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import polars as pl
from msgspec import Struct

from credwatch.enrich.enrich import Enricher
from credwatch.kernel.pack import PackSet
from credwatch.parse.logs import Logs
from credwatch.parse.parse import SourceFormat, parse
from credwatch.parse.stamps.ahead import bounded
from credwatch.store.state.unparsed import UnparsedLine

MENDABLE = ("unknown_program", "unknown_message", "unknown_json", "unknown_event", "no_envelope", "no_timestamp")
"""Why a line is kept that another pack may read; what is torn or cut stays as it is."""


class ReadAgain(Struct, frozen=True, eq=False):
    """What kept lines came to when they were read again."""

    ids: tuple[int, ...]
    """The lines that a pack reads by now, by their numbers in the store."""
    events: pl.DataFrame
    """Their events, in the order of event time; those that are known as no event give none."""


def read_again(lines: Sequence[UnparsedLine], packs: PackSet, formats: Mapping[str, SourceFormat]) -> ReadAgain:
    """Read kept lines of the sources that are still there, as events that are not enriched yet.

    The events have `file`, and the position that each line had in it.
    """
    mendable = [line for line in lines if _is_mendable(line) and line.source in formats]
    ids: list[int] = []
    frames = []
    for way, alike in groupby(sorted(mendable, key=_place), key=lambda line: formats[line.source].of_file(line.file)):
        of_them, events = _read(list(alike), packs, way)
        ids += of_them
        frames += [events] if events.height else []
    events = pl.concat(frames, how="diagonal").sort("@timestamp", maintain_order=True) if frames else pl.DataFrame()
    return ReadAgain(tuple(ids), events)


def enriched_again(events: pl.DataFrame, enricher: Enricher, now: datetime, clock_skew: timedelta) -> pl.DataFrame:
    """Put to events what is known of their people, and bound their times by the present."""
    return enricher.enrich(bounded(events, received_at=now, bound=now + clock_skew))


def _is_mendable(line: UnparsedLine) -> bool:
    return line.reason in MENDABLE or line.reason.startswith("missing ")


def _place(line: UnparsedLine) -> tuple[str, str, int]:
    return line.source, line.file, line.id


def _read(lines: list[UnparsedLine], packs: PackSet, source: SourceFormat) -> tuple[list[int], pl.DataFrame]:
    """Read lines of one source; those of a file and a day are dated together."""
    days = [list(day) for _, day in groupby(lines, key=lambda line: (line.file, line.received_at.date()))]
    logs = Logs.of([len(day) for day in days], [day[-1].received_at for day in days], [day[0].file for day in days])
    frame = pl.DataFrame(
        {
            "line": [line.line for line in lines],
            "position": list(range(len(lines))),  # told apart by it, for rotated files had the same ones
            "malformed": [None] * len(lines),
        },
        schema={"line": pl.String, "position": pl.Int64, "malformed": pl.String},
    )
    parsed = parse(frame, packs=packs, source=source, reference=logs)
    unread = set(parsed.unparsed["position"])
    ids = [line.id for number, line in enumerate(lines) if number not in unread]
    places = pl.DataFrame({"file": [line.file for line in lines], "position": [line.position for line in lines]})
    rows = parsed.events["position"] if parsed.events.height else pl.Series("position", [], dtype=pl.Int64)
    return ids, parsed.events.with_columns(places[rows].get_columns()) if parsed.events.height else parsed.events
