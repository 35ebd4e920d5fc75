"""Archived events against other rules: what they would have found, and told to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from credwatch.app import keys
from credwatch.app.archive import open_search
from credwatch.app.store import open_store
from credwatch.archive.form import FILE, OFFSET, SEAL, TIME, filled
from credwatch.archive.reading import Span
from credwatch.archive.search import Sought
from credwatch.authoring.choice import choose_rules, knowledge_with, required, tool_settings
from credwatch.detect.windows.event_time import Arrival
from credwatch.kernel.clock import Clock
from credwatch.kernel.incident import Incident
from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.pipeline.report import Gathered, Marked
from credwatch.replay.replay import Replayed, ReplayTally
from credwatch.store.database import Database
from credwatch.store.moments import to_micros
from credwatch.store.outbox import OutboxStore

_LOG = "archive"
"""All events are taken for those of one log, which has an order of its own: that of time."""


def replay_archive(
    config: Path,
    since: datetime | None,
    until: datetime | None,
    *,
    clock: Clock,
    rules: Sequence[Path] = (),
    with_shipped: bool = True,
) -> Replayed:
    """Hold the archived events of a settings file against rules, in place of the settings' own where some are named.

    They are as they were marked when they came. Raises ArchiveError, ConfigurationError, ProblemsFound and StoreError.
    """
    settings = tool_settings(config)
    choice = choose_rules(rules, settings, with_shipped=with_shipped)
    knowledge = knowledge_with(required(choice), settings, choice.packs)
    database = open_store(keys.store_place(settings))
    try:
        pieces = open_search(settings, database, clock).all(Sought(Span(since, until)))
        return _replayed(pieces, knowledge, clock)
    finally:
        database.close()


def _replayed(pieces: Iterator[pl.DataFrame], knowledge: Knowledge, clock: Clock) -> Replayed:
    tally = ReplayTally()
    incidents: dict[str, Incident] = {}
    with TemporaryDirectory(prefix="credwatch-replay-") as folder:
        database = Database(Path(folder) / "replay.sqlite", durable=False)
        database.create()
        pipeline = Pipeline(knowledge, database, clock)
        for marked in _marked(pieces, clock()):
            detected = pipeline.detect(marked)
            report = pipeline.keep(detected.batch, detected.report)
            tally.add(report)
            incidents.update((change.incident.number, change.incident) for change in report.changes)
        commands = [stored.command for stored in OutboxStore(database).listed()]
        database.close()
    return Replayed(tally, (), [*incidents.values()], commands)


def _marked(pieces: Iterator[pl.DataFrame], now: datetime) -> Iterator[Marked]:
    """Give archived events as the engine takes them, each piece with the knowledge that another one follows."""
    received = to_micros(now)
    piece = next(pieces, None)
    while piece is not None:
        following = next(pieces, None)
        expected = None if following is None else to_micros(following[TIME][0])
        arrival = Arrival({_LOG: to_micros(piece[TIME][-1])}, expected, received, received)
        events = _as_they_came(piece)
        gathered = Gathered((), events, arrival, now, 0.0)
        yield Marked(gathered, events, b"", None, 0, 0.0)
        piece = following


def _as_they_came(rows: pl.DataFrame) -> pl.DataFrame:
    """Make events of archived rows: what every event has is there, the line empty where it was not kept."""
    events = filled(rows).drop(SEAL, strict=False).rename({FILE: "file", OFFSET: "position"}, strict=False)
    always = {"event.original": pl.lit(""), "file": pl.lit(""), "position": pl.lit(0, pl.Int64)}
    return events.with_columns(value.alias(name) for name, value in always.items() if name not in events.columns)
