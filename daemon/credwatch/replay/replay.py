"""Finished files through the whole path, up to the commands: nothing is sent, nothing of the real store is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock

from msgspec import Struct, field
from msgspec.structs import replace

from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.app.sources import followed_sources, format_of
from credwatch.app.store import open_store
from credwatch.authoring.choice import choose_rules, knowledge_with, required, tool_settings
from credwatch.kernel.access import AccessRequest
from credwatch.kernel.clock import Clock
from credwatch.kernel.command import Command
from credwatch.kernel.errors import ConfigurationError, nearest
from credwatch.kernel.incident import Incident
from credwatch.parse.parse import SourceFormat
from credwatch.pipeline.granting import with_grants
from credwatch.pipeline.merge import Merge
from credwatch.pipeline.pipeline import Knowledge, Pipeline, gather
from credwatch.pipeline.prepared import Prepared
from credwatch.pipeline.preparing import prepare, together
from credwatch.pipeline.report import BatchResult, Gathered, Marked
from credwatch.replay.attempts import AddressAttempts, AttemptCounts
from credwatch.sources.interface import Chunk
from credwatch.sources.replay import ReplaySource
from credwatch.store.cases import access_requests
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore

_SMALLEST_SHARE = 65_536
"""Where many files are read side by side, the chunk of each may be this small, and no smaller."""

SOURCE = "replay"
"""The id of the source that the files are read as."""


Finding = tuple[str, str, tuple[tuple[str, str], ...], bool]
"""What detections are told apart by: rule id, title, group, and whether the rule is in shadow."""


class ReplayTally(Struct):
    """What a replay has come to so far."""

    lines: int = 0
    """Lines taken."""
    events: int = 0
    """Lines that gave an event."""
    skipped: int = 0
    """Lines known as no event."""
    unparsed: Counter[str] = field(default_factory=Counter)
    """Lines that nothing read, by reason."""
    findings: Counter[Finding] = field(default_factory=Counter)
    """What was found, and how often."""
    late: int = 0
    """Events that came later than the lateness allows."""
    ahead: int = 0
    """Events that state a time ahead of the time of reading."""
    guessed: int = 0
    """Lines whose time is a guess."""
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Values that could not be read, by field and reason."""
    commit_seconds: float = 0.0
    """How long the transactions took, which run beside the rest."""
    window_seconds: float = 0.0
    """CPU time of them that storing windows took."""

    def add(self, report: BatchResult) -> None:
        """Count one report."""
        for part in report.parts:
            self.lines += part.lines
            self.events += part.events.total()
            self.skipped += part.skipped
            self.unparsed.update(part.unparsed)
            self.ahead += part.ahead
            self.guessed += part.guessed
            self.unread.update(part.unread)
        self.findings.update(
            [
                (detection.rule_id, detection.title, detection.group, detection.shadow)
                for detection in report.conclusions.detections
            ]
        )
        self.late += sum(report.conclusions.late.values())
        self.commit_seconds += report.commit_seconds
        self.window_seconds += report.window_seconds

    def by_title(self, *, shadow: bool) -> Counter[str]:
        """Count detections by title of their rule: those of rules in shadow, or the others."""
        counts: Counter[str] = Counter()
        for (_, title, _, is_shadow), count in self.findings.items():
            if is_shadow is shadow:
                counts[title] += count
        return counts

    @property
    def unparsed_share(self) -> float:
        """The share of lines that nothing read, 0 to 1."""
        return sum(self.unparsed.values()) / self.lines if self.lines else 0.0


class Replayed(Struct, frozen=True):
    """The outcome of a replay."""

    tally: ReplayTally
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
    source: str = "",
    on_progress: Callable[[int, ReplayTally], None] = lambda _bytes, _tally: None,
) -> Replayed:
    """Replay files with the rules and registers of a settings file, or with the shipped rules alone.

    `rules` take the place of the settings' own folders of rules. With `source` the lines are those of that source of
    the settings, whose format and time zone go before `kind` and `zone`. Access that people have granted in the
    settings' own store counts; nothing is written beside it. Raises ConfigurationError, ProblemsFound, SourceError and
    StoreError.
    """
    settings = tool_settings(config)
    choice = choose_rules(rules, settings, with_shipped=with_shipped)
    formats = {SOURCE: _format_of(source, settings) if source else SourceFormat(SOURCE, kind, zone)}
    knowledge = replace(knowledge_with(required(choice), settings, choice.packs), formats=formats)
    knowledge, granted = _with_grants(knowledge, settings) if config is not None else (knowledge, [])
    size = settings.detection.batch_bytes
    return replay(files, knowledge, clock, batch_bytes=size, granted=granted, on_progress=on_progress)


def _with_grants(knowledge: Knowledge, settings: Settings) -> tuple[Knowledge, list[AccessRequest]]:
    """Add what the settings' own store has granted, and return its requests; none where no daemon has made one yet.

    The lines are enriched with the knowledge, and the pipeline reads the requests of its own store.
    """
    place = keys.store_place(settings)
    if isinstance(place, Path) and not place.exists():
        return knowledge, []
    with closing(open_store(place)) as database, database.reading() as connection:
        return with_grants(knowledge, connection), access_requests.all_requests(connection)


def _format_of(name: str, settings: Settings) -> SourceFormat:
    """Say how a source of the settings speaks; raises ConfigurationError where there is none of that name."""
    by_name = {source.id: source for source in followed_sources(settings)}
    if name not in by_name:
        hint = nearest(name, by_name) or f"known are: {', '.join(by_name) or 'none'}"
        raise ConfigurationError(f"no source {name!r} is in the settings", where="--source", hint=hint)
    return format_of(by_name[name])


def replay(
    files: Sequence[str],
    knowledge: Knowledge,
    clock: Clock,
    *,
    batch_bytes: int,
    granted: Sequence[AccessRequest] = (),
    on_progress: Callable[[int, ReplayTally], None] = lambda _bytes, _tally: None,
) -> Replayed:
    """Run finished files through the pipeline into a store that is thrown away; raises SourceError.

    `granted` is the access of staff against which acts are held, beside that of the registers.
    """
    tally, attempts = ReplayTally(), AttemptCounts()
    incidents: dict[str, Incident] = {}
    with TemporaryDirectory(prefix="credwatch-replay-") as folder:
        database = Database(Path(folder) / "replay.sqlite", durable=False)
        reports = carried(
            files, knowledge, database, clock, batch_bytes=batch_bytes, attempts=attempts, granted=granted
        )
        for report in reports:
            tally.add(report)
            incidents.update((change.incident.number, change.incident) for change in report.changes)
            on_progress(report.size, tally)
        commands = [stored.command for stored in OutboxStore(database).listed()]
        database.close()
    latest = sorted(incidents.values(), key=lambda incident: (-incident.occurred_last.timestamp(), incident.number))
    return Replayed(tally, tuple(attempts.by_address()), latest, commands)


def carried(
    files: Sequence[str],
    knowledge: Knowledge,
    database: Database,
    clock: Clock,
    *,
    batch_bytes: int,
    attempts: AttemptCounts,
    granted: Sequence[AccessRequest] = (),
) -> Iterator[BatchResult]:
    """Run finished files through the pipeline into a new store; give what each batch came to. Raises SourceError."""
    source = ReplaySource(SOURCE, files, {}, clock=clock)

    def made() -> Pipeline:
        database.create()
        with database.writing() as connection:
            for request in granted:
                access_requests.add_request(connection, request, due=None)
        return Pipeline(knowledge, database, clock)

    yield from _reports(_Files(source, knowledge, batch_bytes).next, made, attempts)
    source.close()


class _Files:
    """Gives the lines of the files in the order of event time, whatever order the files are named in."""

    def __init__(self, source: ReplaySource, knowledge: Knowledge, batch_bytes: int) -> None:
        self._source = source
        self._knowledge = knowledge
        self._batch_bytes = batch_bytes
        self._merge = Merge(patience=None)

    def next(self) -> Gathered | None:
        """Read on and give the lines whose turn it is, or None at the end."""
        share = max(_SMALLEST_SHARE, self._batch_bytes // max(self._source.waiting(), 1))
        for chunks in together(self._chunks(share)):
            for prepared in self._prepare(chunks):
                self._merge.add(prepared, self._source.cursor_at)
        return gather(self._merge.take(), self._knowledge.clock_skew) if len(self._merge) else None

    def _chunks(self, share: int) -> Iterator[Chunk]:
        """Read a chunk of each file of which none is held."""
        held = set(self._merge.files(SOURCE))
        while (chunk := self._source.read(share, held)) is not None:
            held.add(chunk.file)
            yield chunk

    def _prepare(self, chunks: Sequence[Chunk]) -> list[Prepared]:
        know = self._knowledge
        return prepare(chunks, know.packs, know.formats[SOURCE], know.enricher, know.clock_skew)


def _reports(
    gathered: Callable[[], Gathered | None], make: Callable[[], Pipeline], attempts: AttemptCounts
) -> Iterator[BatchResult]:
    """Carry batch after batch through, three at a time: one is read while another is detected and a third stored.

    The pipeline is made while the first is read. A batch is marked by whoever has time: the thread that has read it,
    or this one where it waits for it.
    """
    marking, is_waiting = Lock(), Event()

    def mark(came: Gathered) -> Marked:
        marked = pipeline.mark(came)
        attempts.add(marked.events)
        return marked

    def read() -> Gathered | Marked | None:
        came = gathered()
        if came is None or is_waiting.is_set():
            return came
        with marking:
            return mark(came)

    def waited(coming: Future[Gathered | Marked | None]) -> Gathered | Marked | None:
        is_waiting.set()
        came = coming.result()
        is_waiting.clear()
        return came

    with ThreadPoolExecutor(1, "ahead") as before, ThreadPoolExecutor(1, "behind") as behind:
        is_waiting.set()  # there is nothing yet that could mark
        coming, writing = before.submit(read), None
        pipeline = make()
        while (came := waited(coming)) is not None:
            with marking:  # the next batch is not marked before this one
                coming = before.submit(read)
                marked = came if isinstance(came, Marked) else mark(came)
            detected = pipeline.detect(marked)
            if writing is not None:
                yield writing.result()
            writing = behind.submit(pipeline.keep, detected.batch, detected.report)
            del came, marked, detected  # large, and done with
        if writing is not None:
            yield writing.result()
