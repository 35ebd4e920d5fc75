"""Carries chunks from lines to enriched events: all that needs no memory of other chunks, and no store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from time import perf_counter

import polars as pl
from msgspec.structs import replace

from credwatch.enrich.enrich import Enricher
from credwatch.kernel.pack import PackSet
from credwatch.parse.containers import lines_in
from credwatch.parse.logs import Stacked
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.parse.secrets.redact import redact_lines
from credwatch.parse.stamps.ahead import bounded
from credwatch.pipeline.prepared import Prepared
from credwatch.sources.interface import Chunk, ReadingTerms

TOGETHER_BYTES = 1 << 18
"""So many bytes of small chunks are prepared together: more would save little, and be late."""

_NOTHING = Parsed(
    events=pl.DataFrame(),
    unparsed=pl.DataFrame(schema={"position": pl.Int64, "line": pl.String, "reason": pl.String}),
    skips=pl.DataFrame(schema={"position": pl.Int64, "pack": pl.String}),
    guesses=pl.Series("position", [], dtype=pl.Int64),
    unread=pl.DataFrame(schema={"position": pl.Int64, "field": pl.String, "reason": pl.String}),
)
"""What no lines are."""


def prepare(
    chunks: Sequence[Chunk], packs: PackSet, source: SourceFormat, enricher: Enricher, clock_skew: timedelta
) -> list[Prepared]:
    """Prepare chunks of one source, each of another log, together: that costs little more than the largest alone.

    Each comes to what it would come to by itself. Those that are read in another way than others are read apart.
    """
    ways = [(source.of_file(chunk.file), chunk.reading) for chunk in chunks]
    prepared: dict[int, Prepared] = {}
    for way in dict.fromkeys(ways):
        places = [at for at, its_way in enumerate(ways) if its_way == way]
        alike = _alike([chunks[at] for at in places], packs, _as_shipped(*way), enricher, clock_skew)
        prepared.update(zip(places, alike, strict=True))
    return [prepared[at] for at in range(len(chunks))]


def _as_shipped(source: SourceFormat, reading: ReadingTerms | None) -> SourceFormat:
    if reading is None:
        return source
    return replace(source, kind=reading.format or source.kind, zone=reading.zone or source.zone)


def _alike(
    chunks: Sequence[Chunk], packs: PackSet, source: SourceFormat, enricher: Enricher, clock_skew: timedelta
) -> list[Prepared]:
    """Prepare chunks that are to be read alike; of those that are refused every line is kept as unparsed."""
    reading = chunks[0].reading
    if reading is not None and reading.refused:
        return [_refused(it, lines_in(it.data, it.first_position), reading.refused) for it in chunks]
    return _prepared(chunks, packs, source, enricher, clock_skew)


def _prepared(
    chunks: Sequence[Chunk], packs: PackSet, source: SourceFormat, enricher: Enricher, clock_skew: timedelta
) -> list[Prepared]:
    began = perf_counter()
    lines = [lines_in(chunk.before + chunk.data, chunk.first_position - len(chunk.before)) for chunk in chunks]
    some = [at for at, frame in enumerate(lines) if frame.height]
    read = [(_NOTHING, _NOTHING.events)] * len(chunks)
    if some:
        stacked = Stacked.of(
            [lines[at] for at in some], [chunks[at].reference for at in some], [chunks[at].file for at in some]
        )
        parsed = parse(stacked.lines, packs=packs, source=source, reference=stacked.logs)
        if any(chunk.before for chunk in chunks):
            parsed = parsed.without(partial(stacked.behind, positions=[chunks[at].first_position for at in some]))
            lines = [_behind(frame, chunk) for frame, chunk in zip(lines, chunks, strict=True)]
        events = _named(parsed.events, chunks[0].reading)
        enriched = _enriched(stacked, events, [chunks[at] for at in some], enricher, clock_skew)
        for at, reading in zip(some, zip(_apart(stacked, parsed), stacked.apart(enriched), strict=True), strict=True):
            read[at] = reading
    seconds = (perf_counter() - began) / len(chunks)
    return [
        Prepared.of(chunk, frame, reading, events, seconds)
        for chunk, frame, (reading, events) in zip(chunks, lines, read, strict=True)
    ]


def _named(events: pl.DataFrame, reading: ReadingTerms | None) -> pl.DataFrame:
    """Name the host of events whose lines name none."""
    if reading is None or not reading.host or not events.height:
        return events
    host = pl.lit(reading.host)
    return events.with_columns(pl.coalesce("host.name", host) if "host.name" in events else host.alias("host.name"))


def _refused(chunk: Chunk, lines: pl.DataFrame, reason: str) -> Prepared:
    """Keep every line as unparsed."""
    unparsed = redact_lines(lines.select("position", "line", pl.lit(reason).alias("reason")))
    parsed = Parsed(_NOTHING.events, unparsed, _NOTHING.skips, _NOTHING.guesses, _NOTHING.unread)
    return Prepared.of(chunk, lines, parsed, _NOTHING.events, 0.0)


def _behind(lines: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
    """Leave out the lines before a chunk."""
    return lines.filter(pl.col("position") > chunk.first_position) if chunk.before else lines


def together(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Group chunks, small ones with others, in their order."""
    group: list[Chunk] = []
    size = 0
    for chunk in chunks:
        group.append(chunk)
        size += len(chunk.data)
        if size >= TOGETHER_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _enriched(
    stacked: Stacked, events: pl.DataFrame, chunks: Sequence[Chunk], enricher: Enricher, clock_skew: timedelta
) -> pl.DataFrame:
    """Bound the times of each log's events by when it was read, and put to all what is known."""
    earliest = min(chunk.received_at for chunk in chunks)
    if (events["@timestamp"] > earliest + clock_skew).any():
        counts = [len(part) for part in stacked.apart(events)]
        begins = [sum(counts[:at]) for at in range(len(counts))]
        events = pl.concat(
            [
                bounded(events[begin : begin + count], received_at=it.received_at, bound=it.received_at + clock_skew)
                for it, begin, count in zip(chunks, begins, counts, strict=True)
            ],
            how="diagonal",
        )
    return enricher.enrich(events)


def _apart(stacked: Stacked, parsed: Parsed) -> list[Parsed]:
    """Cut what was read into what each log came to, its events left out."""
    frames = (parsed.unparsed, parsed.skips, parsed.guesses.to_frame("position"), parsed.unread)
    parts = zip(*(stacked.apart(frame) for frame in frames), strict=True)
    return [
        Parsed(_NOTHING.events, unparsed, skips, guess["position"], unread) for unparsed, skips, guess, unread in parts
    ]
