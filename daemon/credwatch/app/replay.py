"""Finished files through the whole path, up to the commands: nothing is sent, nothing of the real store is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock

from msgspec import Struct, field
from msgspec.structs import replace

from credwatch.app.attempts import AddressAttempts, AttemptCounts
from credwatch.app.authoring.choice import choose_rules, knowledge_with, required, tool_settings
from credwatch.app.pipeline import Knowledge, Pipeline, prepare
from credwatch.app.report import Marked, Prepared, Report
from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.incident import Incident
from credwatch.parse.parse import SourceFormat
from credwatch.sources.replay import ReplaySource
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore

SOURCE = "replay"
"""The id of the source that the files are read as."""


Finding = tuple[str, str, tuple[tuple[str, str], ...], bool]
"""What detections are told apart by: rule id, title, group, and whether the rule is in shadow."""


class Tally(Struct):
    """What a replay has come to so far."""

    lines: int = 0
    """Lines taken."""
    events: int = 0
    """Lines that gave an event."""
    skipped: int = 0
    """Lines known as no event."""
    unparsed: Counter[str] = field(default_factory=Counter)
    """Lines that nothing read, by reason."""
    found: Counter[Finding] = field(default_factory=Counter)
    """What was found, and how often."""
    late: int = 0
    """Events that came too late for the windows."""
    commit_seconds: float = 0.0
    """How long the transactions took, which run beside the rest."""
    window_seconds: float = 0.0
    """CPU time of them that storing windows took."""

    def add(self, report: Report) -> None:
        """Count one report."""
        self.lines += report.lines
        self.events += sum(report.events.values())
        self.skipped += report.skipped
        self.unparsed.update(report.unparsed)
        self.found.update([(each.rule_id, each.title, each.group, each.shadow) for each in report.found.detections])
        self.late += report.found.late
        self.commit_seconds += report.commit_seconds
        self.window_seconds += report.window_seconds

    def by_title(self, *, shadow: bool) -> Counter[str]:
        """Count detections by title of their rule: those of rules in shadow, or the others."""
        counts: Counter[str] = Counter()
        for (_, title, _, is_shadow), count in self.found.items():
            if is_shadow is shadow:
                counts[title] += count
        return counts

    @property
    def unparsed_share(self) -> float:
        """The share of lines that nothing read, 0 to 1."""
        return sum(self.unparsed.values()) / self.lines if self.lines else 0.0


class Replayed(Struct, frozen=True):
    """The outcome of a replay."""

    tally: Tally
    """The counts."""
    addresses: Sequence[AddressAttempts]
    """The addresses from which an attempt failed, the most attempts first."""
    incidents: Sequence[Incident]
    """The incidents it would have opened, the latest first."""
    commands: Sequence[Command]
    """The messages it would have queued, in order."""


def replay_files(
    files: Sequence[str],
    config: Path | None,
    *,
    kind: str,
    zone: str,
    clock: Clock,
    rules: Sequence[Path] = (),
    with_shipped: bool = True,
    on_progress: Callable[[int, Tally], None] = lambda _bytes, _tally: None,
) -> Replayed:
    """Replay files with the rules and registers of a settings file, or with the shipped rules alone.

    `rules` take the place of the settings' own folders of rules. Raises ConfigurationError, ProblemsFound and
    SourceError. Nothing is written beside the settings' own store.
    """
    settings = tool_settings(config)
    choice = choose_rules(rules, settings, with_shipped=with_shipped)
    formats = {SOURCE: SourceFormat(SOURCE, kind, zone)}
    knowledge = replace(knowledge_with(required(choice), settings, choice.packs), formats=formats)
    return replay(files, knowledge, clock, batch_bytes=settings.detection.batch_bytes, on_progress=on_progress)


def replay(
    files: Sequence[str],
    knowledge: Knowledge,
    clock: Clock,
    *,
    batch_bytes: int,
    on_progress: Callable[[int, Tally], None] = lambda _bytes, _tally: None,
) -> Replayed:
    """Run finished files through the pipeline into a store that is thrown away; raises SourceError."""
    tally, attempts = Tally(), AttemptCounts()
    incidents: dict[str, Incident] = {}
    source = ReplaySource(SOURCE, files, {}, clock=clock)
    with TemporaryDirectory(prefix="credwatch-replay-") as folder:
        database = Database(Path(folder) / "replay.sqlite", durable=False)

        def made() -> Pipeline:
            database.create()
            return Pipeline(knowledge, database, clock)

        for report in _reports(partial(_prepared, source, knowledge, batch_bytes), made, attempts):
            tally.add(report)
            incidents.update((change.incident.number, change.incident) for change in report.changes)
            on_progress(report.size, tally)
        commands = [stored.command for stored in OutboxStore(database).listed()]
        database.close()
    source.close()
    latest = sorted(incidents.values(), key=lambda each: (-each.detected_at.timestamp(), each.number))
    return Replayed(tally, tuple(attempts.by_address()), latest, commands)


def _prepared(source: ReplaySource, knowledge: Knowledge, batch_bytes: int) -> Prepared | None:
    """Read the next chunk, and carry it as far as that goes without the ones before it; None at the end."""
    chunk = source.read(batch_bytes)
    return None if chunk is None else prepare(chunk, knowledge)


def _reports(
    prepared: Callable[[], Prepared | None], made: Callable[[], Pipeline], attempts: AttemptCounts
) -> Iterator[Report]:
    """Carry chunk after chunk through, three at a time: one is read while another is detected and a third stored.

    The pipeline is made while the first is read. A chunk is marked by whoever has time: the thread that has read it,
    or this one where it waits for it.
    """
    marking, is_waiting = Lock(), Event()

    def mark(came: Prepared) -> Marked:
        marked = pipeline.mark(came)
        attempts.add(marked.events)
        return marked

    def read() -> Prepared | Marked | None:
        came = prepared()
        if came is None or is_waiting.is_set():
            return came
        with marking:
            return mark(came)

    def waited(coming: Future[Prepared | Marked | None]) -> Prepared | Marked | None:
        is_waiting.set()
        came = coming.result()
        is_waiting.clear()
        return came

    with ThreadPoolExecutor(1, "ahead") as before, ThreadPoolExecutor(1, "behind") as behind:
        is_waiting.set()  # there is nothing yet that could mark
        coming, kept = before.submit(read), None
        pipeline = made()
        while (came := waited(coming)) is not None:
            with marking:  # the next chunk is not marked before this one
                coming = before.submit(read)
                marked = came if isinstance(came, Marked) else mark(came)
            detected = pipeline.detect(marked)
            if kept is not None:
                yield kept.result()
            kept = behind.submit(pipeline.keep, detected.batch, detected.report)
            del came, marked, detected  # large, and done with
        if kept is not None:
            yield kept.result()
