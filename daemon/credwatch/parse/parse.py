"""Turns lines into events: envelope off, pattern found, groups taken, time read, secrets masked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.pack import PackSet
from credwatch.kernel.path_pattern import is_meant
from credwatch.parse.assemble import OWN_TIME, assemble_events, skipped_lines, unread_lines
from credwatch.parse.containers import opened
from credwatch.parse.envelopes import SourceKind, finished, read_envelopes
from credwatch.parse.in_containers import TELLS_ZONE, Container, container_of, with_container
from credwatch.parse.logs import Logs, dated_each
from credwatch.parse.lost_values import lost_values
from credwatch.parse.messages.dispatch import PatternDispatcher, PatternReader, make_dispatcher, syslog_readers
from credwatch.parse.messages.messages import SKIPPED, constant_frame, read_messages
from credwatch.parse.objects.objects import ObjectReader, object_readers, read_objects
from credwatch.parse.odd_envelopes import is_odd, read_odd
from credwatch.parse.own_headers import OwnHeaders, own_headers, read_own
from credwatch.parse.repeats import repeats_of_last, with_last
from credwatch.parse.secrets.redact import redact_events, redact_lines
from credwatch.parse.spelling import respelled
from credwatch.parse.stamps.spelled import spelled


class PathFormat(Struct, frozen=True):
    """How the lines of some of a source's files are to be read, where it is not as those of the others."""

    path: str
    """The files, as a glob with `**`."""
    kind: SourceKind | str | None = None
    """auto, syslog or json; as the source's where it is None."""
    zone: str | None = None
    """IANA time zone of stamps that say none; as the source's where it is None."""


class SourceFormat(Struct, frozen=True):
    """What is to be known of a source before its lines can be read."""

    id: str
    """The source's name; events carry it as credwatch.source.id."""
    kind: SourceKind | str = SourceKind.AUTO
    """auto, syslog or json."""
    zone: str = "UTC"
    """IANA time zone of stamps that say none."""
    matches: tuple[PathFormat, ...] = ()
    """What differs by path; the first that means a file counts."""

    def of_file(self, file: str) -> SourceFormat:
        """Say how the lines of one file are to be read."""
        return _of_file(self, file) if self.matches else self

    def __post_init__(self) -> None:
        try:
            for kind, zone in [(self.kind, self.zone), *((it.kind, it.zone) for it in self.matches)]:
                SourceKind(kind or self.kind)
                ZoneInfo(zone or self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            kinds = ", ".join(SourceKind)
            hint = f"kinds are {kinds}; zones are named as in Asia/Ho_Chi_Minh"
            raise ConfigurationError(str(error), where=f"source {self.id}", hint=hint) from error


@lru_cache(maxsize=65536)
def _of_file(source: SourceFormat, file: str) -> SourceFormat:
    match = next((it for it in source.matches if is_meant(file, it.path)), PathFormat(""))
    return SourceFormat(source.id, match.kind or source.kind, match.zone or source.zone)


class Parsed(Struct, frozen=True, eq=False):
    """What the lines of a batch are; every line is in exactly one of the three frames, each in the lines' order."""

    events: pl.DataFrame
    """The events frame: fields of the schema and `position`."""
    unparsed: pl.DataFrame
    """`position` (Int64), `line` (String, secrets masked) and `reason` (String) of the lines that nothing read."""
    skips: pl.DataFrame
    """`position` and `pack` (String, null for an empty line) of the lines that are known as no event."""
    guesses: pl.Series
    """`position` (Int64) of the lines that leave open which year they mean, or which pass of a repeated hour."""
    unread: pl.DataFrame
    """`position` (Int64), `field` and `reason` (String) of the values that their fields cannot hold: `wrong_type`,
    `no_number`, `out_of_range`, `no_address`, or `placeholder` for what writers put where they know no address."""

    def without(self, context: Callable[[pl.DataFrame], pl.DataFrame]) -> Parsed:
        """Take lines out that were read for the sake of others, as `context` takes them out of a frame."""
        guesses = context(self.guesses.to_frame("position"))["position"]
        events, unparsed, skips = context(self.events), context(self.unparsed), context(self.skips)
        return Parsed(events, unparsed, skips, guesses, context(self.unread))

    @property
    def skipped(self) -> int:
        """Count the lines that are known as no event."""
        return len(self.skips)


class _Compiled(Struct, frozen=True, eq=False):
    dispatcher: PatternDispatcher
    objects: tuple[ObjectReader, ...]
    headers: OwnHeaders
    constants: pl.DataFrame


def parse(lines: pl.DataFrame, *, packs: PackSet, source: SourceFormat, reference: datetime | Logs) -> Parsed:
    """Read a lines frame (`line`, `position`, `malformed`) into events, unparsed lines and skipped ones.

    `reference` (aware) is the moment near which the lines end: it gives stamps without a year theirs. Where the lines
    are of several logs it says which are whose; they are read as each log would be for itself. The reason of
    an unparsed line is what made it malformed, else `no_envelope`, `no_timestamp`, `unknown_program`,
    `unknown_message`, `not_json`, `unknown_json`, `unknown_event` or `missing <field>`.
    Nothing in a line makes this raise.
    """
    compiled = _compiled(packs)
    logs = reference if isinstance(reference, Logs) else Logs((len(lines),), (reference,))
    read_lines = lines if "inner" in lines.columns else opened(lines)
    lines, in_container = read_lines, read_lines["inner"].is_not_null()
    has_containers = bool(in_container.any())
    if has_containers:  # what stands within is read; the line as it was is kept
        lines = read_lines.with_columns(pl.coalesce("inner", "line").alias("line"))
    # 1. Take the envelopes off, and read the time of each line that has one.
    frame = read_envelopes(lines["line"], SourceKind(source.kind))
    frame = _timed(frame, source.zone, logs)
    if source.kind != SourceKind.JSON and (odd := is_odd(frame)).any():
        frame = _with_odd(frame, lines, odd, source.zone, logs, compiled.headers)
    if has_containers:
        frame = with_container(frame, read_lines, _owners(logs), SourceKind(source.kind))
        frame = _timed(frame.drop("moment", "is_guess"), source.zone, logs)
    frame = frame.with_columns(_envelope_problem().alias("problem"))
    # 2. Read messages with the patterns, and JSON texts with the JSON packs.
    is_good, is_object = pl.col("problem").is_null(), pl.col("json").is_not_null()
    kinds = frame.select(is_good & ~is_object, (is_good & is_object).alias("object"))
    texts = _rows(frame.select("row", "program", "message"), kinds["problem"])
    messages = read_messages(texts, compiled.dispatcher)
    messages += _wrapped(texts, messages, compiled)
    objects = read_objects(_rows(frame.select("row", "json"), kinds["object"]), compiled.objects)
    # 3. Put constants and envelopes to what was read, and set apart the lines that are no events.
    read = _in_order([part for part in (*messages, objects.read) if len(part)] or [objects.read], len(lines))
    problems, unread_values = objects.problems, objects.unread
    del texts, messages, objects  # large, and done with
    constants = _constants(compiled.constants, read["reader"])
    is_skip = constants[SKIPPED]
    captured = _rows(read, ~is_skip)
    events = assemble_events(captured, _rows(constants, ~is_skip), frame, read_lines, source.id)
    unread_values = _placed(pl.concat([unread_values, lost_values(captured, events)]), lines["position"])
    events = _with_own_time(events, source.zone, logs, in_container)
    # 4. What is left is unparsed, with its reason; secrets go before anything leaves.
    timed = events["@timestamp"].is_not_null()
    timeless = _rows(events.select("row"), ~timed).with_columns(pl.lit("no_timestamp").alias("problem"))
    unread = unread_lines(frame, read["row"], pl.concat([problems, timeless]), read_lines, compiled.dispatcher)
    skips = skipped_lines(_rows(read, is_skip), _rows(constants, is_skip), read["row"], read_lines)
    guesses = lines["position"].filter(frame["is_guess"])
    return Parsed(
        respelled(redact_events(_rows(events, timed).drop("row"))), redact_lines(unread), skips, guesses, unread_values
    )


def _placed(unread: pl.DataFrame, positions: pl.Series) -> pl.DataFrame:
    """Say the position for the row of values that could not be read, in the lines' order."""
    unread = unread.sort("row", maintain_order=True)
    return unread.select(positions.gather(unread["row"]).alias("position"), "field", "reason")


def _wrapped(texts: pl.DataFrame, read: list[pl.DataFrame], compiled: _Compiled) -> list[pl.DataFrame]:
    """Read messages that nothing has read, and that are whole lines of a program's own log."""
    if not compiled.headers.headers or len(texts) == sum(map(len, read)):
        return []
    rows = pl.concat([part["row"] for part in read]) if read else pl.Series(dtype=pl.UInt32)
    unread = texts.filter(~pl.col("row").is_in(rows.implode())).select("row", line="message")
    own = read_own(unread, compiled.headers)
    return read_messages(own.select("row", "program", "message"), compiled.dispatcher) if len(own) else []


def _rows(frame: pl.DataFrame, chosen: pl.Series) -> pl.DataFrame:
    """Take the chosen rows, without a copy where they are all or none: the common batch is of one kind."""
    count = chosen.sum()
    return frame if count == len(frame) else frame.filter(chosen) if count else frame.clear()


def _in_order(parts: list[pl.DataFrame], lines: int) -> pl.DataFrame:
    """Put parts together in the order of `row`, which is unique and below `lines`.

    A text that a part lacks is empty there, for that is moved fastest; anything else is null. The place of each value
    is looked up, and nothing is compared.
    """
    is_read = np.zeros(lines, np.bool_)
    for part in parts:
        is_read[part["row"].to_numpy()] = True
    rows = np.flatnonzero(is_read)
    places: dict[tuple[int, ...], pl.Series] = {}
    columns = []
    for name in dict.fromkeys(chain.from_iterable(part.columns for part in parts)):
        filled = [part for part in parts if name in part.columns]
        whose = tuple(map(id, filled))
        if whose not in places:
            places[whose] = pl.Series(_places(filled, lines)[rows])
        columns.append(_joined([part[name] for part in filled])[places[whose]])
    return pl.DataFrame(columns)


def _places(parts: list[pl.DataFrame], lines: int) -> NDArray[np.uint32]:
    """Say for each line where its row stands among those of some parts; behind them all where it is of none."""
    ends = np.cumsum([0, *map(len, parts)])
    place = np.full(lines, ends[-1], np.uint32)
    for part, begin, end in zip(parts, ends, ends[1:], strict=False):
        place[part["row"].to_numpy()] = np.arange(begin, end, dtype=np.uint32)
    return place


def _joined(pieces: list[pl.Series]) -> pl.Series:
    """Put the pieces of a column one behind the other, and what stands for no value at the end."""
    if any(piece.dtype != pl.String for piece in pieces):
        name = pieces[0].name
        frames = [*(piece.to_frame() for piece in pieces), pl.DataFrame({name: [None]}, schema={name: pl.Null})]
        return pl.concat(frames, how="vertical_relaxed", rechunk=True)[name]
    return pl.concat([*pieces, pl.Series(pieces[0].name, [""])], rechunk=True)


def _constants(of_readers: pl.DataFrame, readers: pl.Series) -> pl.DataFrame:
    """Give what the reader of each event says of it; what none of these readers says is left out."""
    present = of_readers[readers.unique()]
    names = [column.name for column in present if column.null_count() < len(present)]
    always = {SKIPPED, "event.dataset", "event.action"}.intersection(of_readers.columns)
    return of_readers.select(always.union(names))[readers]


@lru_cache(maxsize=8)
def _compiled(packs: PackSet) -> _Compiled:
    readers = syslog_readers(packs)
    objects = object_readers(packs, len(readers))
    every: tuple[PatternReader, ...] = readers + tuple(reader for pack in objects for reader in pack.readers)
    return _Compiled(make_dispatcher(readers), objects, own_headers(packs), constant_frame(every))


def _envelope_problem() -> pl.Expr:
    timeless = pl.col("json").is_null() & pl.col("moment").is_null()
    return pl.coalesce("problem", pl.when(timeless).then(pl.lit("no_timestamp")))


def _timed(frame: pl.DataFrame, zone: str, logs: Logs) -> pl.DataFrame:
    times = dated_each(frame["stamp"], logs, zone=zone)
    return frame.hstack([times.moments.alias("moment"), times.is_guess.alias("is_guess")])


def _with_odd(
    frame: pl.DataFrame, lines: pl.DataFrame, odd: pl.Series, zone: str, logs: Logs, headers: OwnHeaders
) -> pl.DataFrame:
    """Read the lines that no fast reader has read in the ways of other writers, and date all of them anew."""
    rest = pl.DataFrame([frame["row"].filter(odd), lines["line"].filter(odd)])
    last = repeats_of_last(rest)
    rest = rest.join(last, on="row", how="anti")
    own = read_own(rest, headers)
    read = pl.concat([own, read_odd(rest.join(own, on="row", how="anti"))])
    read = read.with_columns(pl.lit(None, pl.String).alias("json"), pl.lit(None, pl.String).alias("problem"))
    if not read.height and not last.height:
        return frame
    others = frame.drop("moment", "is_guess").join(read, on="row", how="anti")
    whole = pl.concat([others, finished(read).select(others.columns)]).sort("row")
    whole = with_last(whole, last, lines, logs.of_rows()) if last.height else whole
    return _timed(whole, zone, logs)


def _owners(logs: Logs) -> pl.DataFrame:
    """Say for each line whose container's log it stands in."""
    containers = [container_of(file) for file in logs.files] or [Container()] * len(logs.ends)
    whose = logs.of_rows()
    hosts = pl.Series("its_host", [it.host for it in containers], dtype=pl.String)
    programs = pl.Series("its_program", [it.program for it in containers], dtype=pl.String)
    return pl.DataFrame([hosts[whose], programs[whose]])


def _with_own_time(events: pl.DataFrame, zone: str, logs: Logs, in_container: pl.Series) -> pl.DataFrame:
    """Let the time an object tells go before that of its envelope; in a container, where it tells its zone too."""
    if OWN_TIME not in events.columns:
        return events
    stamps = spelled(events[OWN_TIME])
    own = dated_each(stamps, logs.among(events["row"]), zone=zone).moments
    is_unsure = in_container[events["row"]] & ~stamps.str.contains(TELLS_ZONE).fill_null(False)
    has_own = events[OWN_TIME].is_not_null() & ~is_unsure
    time = own.zip_with(has_own, events["@timestamp"]).alias("@timestamp")
    return events.drop(OWN_TIME).with_columns(time)
