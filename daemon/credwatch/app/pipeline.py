"""The sentence of the architecture on one screen: lines → events → detections → incidents → commands, in one commit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from time import perf_counter

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from credwatch.app.commit import PAIRING, SETTLED, Batch, Consequences, commit
from credwatch.app.report import Counts, Detected, Marked, Prepared, Report, report_of
from credwatch.detect.engine import Engine
from credwatch.detect.found import Found
from credwatch.detect.plan import plan_for
from credwatch.detect.rows import ROW
from credwatch.detect.windows import Caps
from credwatch.enrich.attempts import AttemptPairing, mark_attempts
from credwatch.enrich.enrich import Enricher
from credwatch.enrich.logins import logins_in
from credwatch.enrich.novelty import mark_novelty
from credwatch.enrich.profiles import Learning, Profiles
from credwatch.kernel.clock import Clock
from credwatch.kernel.incident import IncidentChange
from credwatch.kernel.pack import PackSet
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.parse.redact import redact_lines
from credwatch.rules.model import RuleSet
from credwatch.sources.interface import Chunk
from credwatch.store import incidents, profiles, progress
from credwatch.store.database import Database
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Facts, Reaction

_SEED = "seed"
_FORM = "window_form"
_PRESENT_FORM = f"polars {pl.__version__}, rows 2 of {ROW.descr}, words 2".encode()

_NOTHING = Parsed(
    events=pl.DataFrame(),
    unparsed=pl.DataFrame(schema={"position": pl.Int64, "line": pl.String, "reason": pl.String}),
    skips=pl.DataFrame(schema={"position": pl.Int64, "pack": pl.String}),
)
"""What no lines are."""


class Knowledge(Struct, frozen=True):
    """Everything that a reload replaces at once."""

    packs: PackSet
    """How lines are read."""
    enricher: Enricher
    """What is known of people and customers."""
    rules: RuleSet
    """What is looked for."""
    facts: Facts
    """Who must be told, and how."""
    profile_of: Mapping[str, str]
    """The name of each customer's policy profile, by the customer's id."""
    formats: Mapping[str, SourceFormat]
    """How each source's lines begin, by the source's id."""
    lateness_us: int = 10_000_000
    """How much later than its neighbours a line may come, microseconds."""
    lateness_of: Mapping[str, int] = field(default_factory=dict)
    """The same for the sources that have their own."""
    caps: Caps = field(default_factory=Caps)
    """How many rows windows may hold."""
    learning: Learning = field(default_factory=Learning)
    """How the habits of accounts are learnt and kept."""


def prepare(chunk: Chunk, knowledge: Knowledge) -> Prepared:
    """Carry a chunk from lines to enriched events: all that needs no memory of other chunks, and no store."""
    began = perf_counter()
    lines = split_lines(chunk.data, chunk.first_position)
    parsed, events = _NOTHING, _NOTHING.events
    if lines.height:
        source = knowledge.formats[chunk.source]
        parsed = parse(lines, packs=knowledge.packs, source=source, reference=chunk.reference)
        events = knowledge.enricher.enrich(parsed.events)
    counts = Counts.of(chunk.data, lines, parsed)
    return Prepared(replace(chunk, data=b""), counts, parsed.unparsed, events, perf_counter() - began)


class Pipeline:
    """Takes chunks of lines and commits what follows from them, one transaction each.

    `prepare` may be called from another thread, ahead of `take`; `take`, `set_aside` and `reload` from one alone.
    After StoreError nothing of the chunk was kept, in the store or in memory;
    the caller lets its source go back to the committed cursor and gives the lines again.
    """

    def __init__(self, knowledge: Knowledge, database: Database, clock: Clock) -> None:
        self._knowledge = knowledge
        self._database = database
        self._clock = clock
        self.discarded_windows = False
        self._engine, self._pairing = self._restored()
        self._profiles = self._remembered()

    def reload(self, knowledge: Knowledge) -> None:
        """Go on with other rules, packs and registers; windows of rules that did not change are kept."""
        before, self._knowledge = self._knowledge, knowledge
        try:
            self._engine, self._pairing = self._restored()
        except Exception:
            self._knowledge = before
            raise

    def prepare(self, chunk: Chunk) -> Prepared:
        """Carry a chunk from lines to enriched events, as `prepare` does with what is known now."""
        return prepare(chunk, self._knowledge)

    def take(self, prepared: Prepared) -> Report:
        """Carry a chunk through to the commit; raises StoreError where it cannot be stored.

        A chunk without lines only moves its source's cursor.
        """
        try:
            detected = self.detect(self.mark(prepared))
            return self.keep(detected.batch, detected.report)
        except BaseException:
            self._go_back()
            raise

    # Who calls the three that follow instead of `take` may do so in a thread each, each in the chunks' order; where one
    # of them fails, the pipeline is of no use any more.

    def mark(self, prepared: Prepared) -> Marked:
        """Mark a chunk's events with what the events before them tell of them."""
        began = perf_counter()
        events, pairing, learnt = prepared.events, self._pairing, None
        if events.height:
            events, pairing = mark_attempts(events, pairing)
            received_at, learning = prepared.chunk.received_at, self._knowledge.learning
            logins = logins_in(events, self._profiles.seed, received_at)
            events, learnt = mark_novelty(events, logins, self._profiles, learning, received_at)
        paired = b"" if pairing is self._pairing else pairing.to_bytes()
        self._pairing = pairing
        if learnt is not None:
            self._profiles.keep(learnt)
        seconds = prepared.seconds + perf_counter() - began
        return Marked(prepared, events, paired, learnt, self._profiles.accounts, seconds)

    def detect(self, marked: Marked) -> Detected:
        """Hold a chunk's events against the rules and all events before them: what follows is not stored yet."""
        began = perf_counter()
        prepared = marked.prepared
        chunk, counts = prepared.chunk, prepared.counts
        found = self._engine.process(marked.events, chunk.source)
        batch = Batch(
            source=chunk.source,
            file=chunk.file,
            cursor=chunk.cursor,
            received_at=chunk.received_at,
            unparsed=prepared.unparsed,
            found=found,
            pairing=marked.pairing,
            tallies={
                "lines": counts.lines,
                "events": marked.events.height,
                "unparsed": prepared.unparsed.height,
            },
            profiles=marked.learnt,
        )
        seconds = marked.seconds + perf_counter() - began
        return Detected(batch, report_of(marked, batch, window_rows=self._engine.rows_kept(), seconds=seconds))

    def keep(self, batch: Batch, report: Report) -> Report:
        """Store what follows from a chunk, and what must be remembered of it; raises StoreError."""
        began = perf_counter()
        consequences = self._commit(batch)
        seconds = perf_counter() - began
        return replace(
            report,
            changes=consequences.changes,
            queued=consequences.queued,
            seconds=report.seconds + seconds,
            commit_seconds=seconds,
            window_seconds=consequences.window_seconds,
        )

    def set_aside(self, chunk: Chunk) -> None:
        """Keep a chunk that cannot be carried through as unparsed lines, and go on behind it; raises StoreError."""
        lines = split_lines(chunk.data, chunk.first_position)
        self._commit(
            Batch(
                source=chunk.source,
                file=chunk.file,
                cursor=chunk.cursor,
                received_at=chunk.received_at,
                unparsed=redact_lines(lines.select("position", "line", pl.lit("internal_error").alias("reason"))),
                found=Found(),
                pairing=b"",
                tallies={"lines": lines.height, "unparsed": lines.height},
            )
        )

    def _commit(self, batch: Batch) -> Consequences:
        with self._database.writing() as connection:
            return commit(connection, batch, self._react)

    def _go_back(self) -> None:
        """Forget what has not been stored: the engine has gone on, and goes back to where the store is."""
        self._engine, self._pairing = self._restored()
        self._profiles = self._remembered()

    def _react(self, change: IncidentChange) -> Reaction:
        return react(change, self._knowledge.facts, self._clock())

    def _remembered(self) -> Profiles:
        """Take up the habits that the store has; unlike windows, they do not depend on the rules."""
        with self._database.reading() as connection:
            seed = progress.value(connection, _SEED)
            assert seed is not None, "the engine has been restored, which makes the seed"
            return Profiles(seed, profiles.all_profiles(connection))

    def _restored(self) -> tuple[Engine, AttemptPairing]:
        """Build the engine from the rules and bring it to the state that the store has."""
        know = self._knowledge
        longest = max(know.lateness_us, *know.lateness_of.values(), 0)
        plan = plan_for(know.rules, lateness_us=longest, caps=know.caps)
        with self._database.writing() as connection:
            seed = progress.value(connection, _SEED)
            if seed is None:
                seed = os.urandom(8)
                progress.save_value(connection, _SEED, seed)
            if progress.value(connection, _FORM) != _PRESENT_FORM:
                self.discarded_windows = progress.value(connection, _FORM) is not None
                progress.forget_engine(connection)
                progress.save_value(connection, _FORM, _PRESENT_FORM)
            number = int.from_bytes(seed, "big")
            engine = Engine(plan, seed=number, lateness_us=know.lateness_us, lateness_of=know.lateness_of)
            marks = progress.all_watermarks(connection)
            low = min((time for _, time in marks), default=0)
            engine.restore(
                watermarks=marks,
                windows=progress.all_windows(connection),
                names=progress.all_words(connection),
                episodes=incidents.episodes_kept(connection, since_us=low - 2 * plan.longest_us),
                serial=incidents.next_serial(connection),
                settled=None if (settled := progress.value(connection, SETTLED)) is None else int(settled),
            )
            pairing = progress.value(connection, PAIRING)
        return engine, AttemptPairing.from_bytes(pairing) if pairing else AttemptPairing()
