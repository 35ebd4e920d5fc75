"""The sentence of the architecture on one screen: lines → events → detections → incidents → commands, in one commit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from threading import Lock
from time import perf_counter

import numpy as np
import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from credwatch.detect.engine import Engine
from credwatch.detect.plan import plan_for
from credwatch.detect.windows.event_time import Arrival, EventTime
from credwatch.detect.windows.rows import ROW
from credwatch.detect.windows.windows import Caps
from credwatch.enrich.enrich import Enricher
from credwatch.enrich.habits.attempts import AttemptPairing
from credwatch.enrich.habits.marking import mark
from credwatch.enrich.habits.profiles import Learning, Profiles
from credwatch.enrich.habits.usual import accounts_at
from credwatch.kernel.clock import Clock
from credwatch.kernel.moment import Discovery
from credwatch.kernel.pack import PackSet
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import SourceFormat
from credwatch.parse.secrets.redact import redact_lines
from credwatch.pipeline.again import enriched_again, read_again
from credwatch.pipeline.archiving import ArchiveInlet
from credwatch.pipeline.commit import PAIRING, SETTLED, Batch, Consequences, LogProgress, commit
from credwatch.pipeline.enforcing import enforce
from credwatch.pipeline.granting import acts_under, with_grants
from credwatch.pipeline.holding import tell_of_held
from credwatch.pipeline.joining import tell_joined
from credwatch.pipeline.merge import Turn
from credwatch.pipeline.news import tell_changes
from credwatch.pipeline.prepared import Prepared
from credwatch.pipeline.preparing import prepare
from credwatch.pipeline.report import BatchResult, Detected, Gathered, Marked, report_of
from credwatch.policy.policies import Policies
from credwatch.rules.model import RuleSet
from credwatch.sources.interface import Chunk
from credwatch.store.cases import incidents
from credwatch.store.database import Database
from credwatch.store.moments import to_micros
from credwatch.store.state import profiles, progress, trail, unparsed
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Facts

_SEED = "seed"
_FORM = "window_form"
_PRESENT_FORM = f"keys 2, rows 2 of {ROW.descr}, words 2".encode()


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
    policies: Policies
    """Which rules for passwords and second factors hold for whom."""
    formats: Mapping[str, SourceFormat]
    """How each source's lines begin, by the source's id."""
    lateness_us: int = 10_000_000
    """How much later than those of other logs a line may come, microseconds: the longest of all sources."""
    clock_skew: timedelta = timedelta(minutes=5)
    """How far ahead of the time of reading a line may be stamped and be believed."""
    history_after: timedelta = timedelta(hours=6)
    """What is read later than this after it happened is history, whose messages wait for a person."""
    caps: Caps = field(default_factory=Caps)
    """How many rows windows may hold."""
    service_ended: Mapping[str, date] = field(default_factory=dict)
    """The last day of service of each customer whose service is over, by the customer's id."""
    learning: Learning = field(default_factory=Learning)
    """How the habits of accounts are learnt and kept."""
    grants: int = 0
    """The revision of the access that was granted, as the enricher and the facts have it; 0 stands for none."""


def gather(turn: Turn, clock_skew: timedelta) -> Gathered:
    """Put the events of several logs in one order: by their turns, and those of one log as they stand."""
    began = perf_counter()
    parts, spoken = turn.parts, [part for part in turn.parts if part.events.height]
    received_at = max(part.chunk.received_at for part in parts)
    received = to_micros(received_at)
    arrival = Arrival(
        marks={part.log: int(part.order[-1]) for part in spoken},
        expected=turn.expected,
        received=received,
        bound=received + int(clock_skew.total_seconds() * 1_000_000),
    )
    placed = [part.events.with_columns(pl.lit(part.chunk.file).alias("file")) for part in spoken]
    events = placed[0] if placed else pl.DataFrame()
    if len(placed) > 1:
        order = np.argsort(np.concatenate([part.order for part in spoken]), kind="stable")
        events = pl.concat(placed, how="diagonal")[order]
    seconds = sum(part.seconds for part in parts) + perf_counter() - began
    return Gathered(parts, events, arrival, received_at, seconds)


class Pipeline:
    """Takes lines, and commits what follows from them in one transaction.

    `prepare` may be called from another thread, ahead of `take`; `take`, `set_aside` and `reload` from one alone.
    After StoreError nothing of the lines was kept, in the store or in memory;
    the caller lets their sources go back to the committed cursors and gives the lines again.
    """

    def __init__(
        self, knowledge: Knowledge, database: Database, clock: Clock, inlet: ArchiveInlet | None = None
    ) -> None:
        self._knowledge = knowledge
        self._database = database
        self._clock = clock
        self._inlet = inlet
        self.discarded_windows = False
        self._is_ahead = False
        self._granting = Lock()
        self._granted()
        self._engine, self._pairing = self._restored()
        self._profiles = self._remembered()

    def reload(self, knowledge: Knowledge) -> None:
        """Go on with other rules, packs and registers; windows of rules that did not change are kept."""
        with self._granting, self._database.reading() as connection:
            before, self._knowledge = self._knowledge, with_grants(knowledge, connection)
        try:
            self._engine, self._pairing = self._restored()
        except Exception:
            self._knowledge = before
            raise

    def prepare(self, chunks: Sequence[Chunk]) -> list[Prepared]:
        """Carry chunks of one source from lines to enriched events, as `prepare` does with what is known now."""
        know = self._granted()
        return prepare(chunks, know.packs, know.formats[chunks[0].source], know.enricher, know.clock_skew)

    @property
    def facts(self) -> Facts:
        """Who must be told, and how, with the grounds of what was granted until the latest lines."""
        return self._knowledge.facts

    def _granted(self) -> Knowledge:
        """Take up what people have granted since the last lines: who may act by then is known before the act is read.

        That costs one look into an index for each group of chunks. Raises StoreError.
        """
        with self._granting, self._database.reading() as connection:
            self._knowledge = with_grants(self._knowledge, connection)
            return self._knowledge

    def take(self, turn: Turn) -> BatchResult:
        """Carry lines through to the commit; raises StoreError where it cannot be stored.

        Chunks without lines only move the cursors of their logs.
        """
        if self._is_ahead:
            self._go_back()
        try:
            detected = self.detect(self.mark(self.gather(turn)))
            return self.keep(detected.batch, detected.report)
        except BaseException:
            self._go_back()
            raise

    def gather(self, turn: Turn) -> Gathered:
        """Put the lines of a turn in one order."""
        return gather(turn, self._knowledge.clock_skew)

    # Who calls the three that follow instead of `take` may do so in a thread each, each in the turns' order; where one
    # of them fails, the pipeline is of no use any more.

    def mark(self, gathered: Gathered) -> Marked:
        """Mark events with what the events before them tell of them."""
        began = perf_counter()
        events, pairing, learnt = mark(
            gathered.events, self._pairing, self._profiles, self._knowledge.learning, gathered.received_at
        )
        paired = b"" if pairing is self._pairing else pairing.to_bytes()
        self._pairing = pairing
        if learnt is not None:
            self._profiles.keep(learnt)
        seconds = gathered.seconds + perf_counter() - began
        return Marked(gathered, events, paired, learnt, self._profiles.accounts, seconds)

    def detect(self, marked: Marked) -> Detected:
        """Hold events against the rules and all events before them: what follows is not stored yet."""
        began = perf_counter()
        gathered = marked.gathered
        result = self._engine.process(marked.events, gathered.arrival)
        batch = Batch(
            logs=tuple(LogProgress.of(part) for part in gathered.parts),
            received_at=gathered.received_at,
            conclusions=result,
            pairing=marked.pairing,
            events=marked.events.height,
            profiles=marked.learnt,
            acts=acts_under(marked.events),
            rows=marked.events if self._inlet is not None else None,
        )
        seconds = marked.seconds + perf_counter() - began
        return Detected(batch, report_of(marked, batch, window_rows=self._engine.rows_kept(), seconds=seconds))

    def keep(self, batch: Batch, report: BatchResult) -> BatchResult:
        """Store what follows from a chunk, and what must be remembered of it; raises StoreError."""
        began = perf_counter()
        consequences = self._commit(batch)
        seconds = perf_counter() - began
        return replace(
            report,
            detections=consequences.detections,
            changes=consequences.changes,
            queued=consequences.queued,
            seconds=report.seconds + seconds,
            commit_seconds=seconds,
            window_seconds=consequences.window_seconds,
        )

    def read_again(self) -> BatchResult | None:
        """Carry kept lines that a pack reads by now through to the commit, as late ones; None where there are none.

        Each is let go in the commit that has its event, so it counts once. No mark of event time moves. Raises
        StoreError.
        """
        if self._is_ahead:
            self._go_back()
        know, now = self._granted(), self._clock()
        with self._database.reading() as connection:
            again = read_again(unparsed.unparsed_lines(connection), know.packs, know.formats)
        if not again.ids:
            return None
        events = (
            enriched_again(again.events, know.enricher, now, know.clock_skew) if again.events.height else again.events
        )
        arrival = self._engine.time.standing(to_micros(now), to_micros(now + know.clock_skew))
        try:
            detected = self.detect(self.mark(Gathered((), events, arrival, now, 0.0)))
            report = self.keep(replace(detected.batch, read_again=again.ids), detected.report)
        except BaseException:
            self._go_back()
            raise
        return replace(report, read_again=len(again.ids))

    def set_aside(self, chunk: Chunk) -> None:
        """Keep a chunk that cannot be carried through as unparsed lines, and go on behind it; raises StoreError."""
        lines = split_lines(chunk.data, chunk.first_position)
        unparsed = redact_lines(lines.select("position", "line", pl.lit("internal_error").alias("reason")))
        log = LogProgress(chunk.source, chunk.file, chunk.cursor, chunk.received_at, lines.height, unparsed)
        self._commit(Batch(logs=(log,), received_at=chunk.received_at))

    def _commit(self, batch: Batch) -> Consequences:
        if self._inlet is not None and batch.rows is not None:
            batch = replace(batch, archived=self._inlet.packed(batch.rows), rows=None)
        with self._database.writing() as connection:
            know, now = self._knowledge, self._clock()
            discovery = Discovery(batch.received_at, now, know.history_after)
            done = commit(
                connection,
                batch,
                lambda change: react(change, know.facts, now),
                discovery,
                know.facts.zone,
                lambda some, changes: enforce(connection, some, changes, know.facts, now, self._at_home),
            )
            done = replace(done, queued=done.queued + tell_changes(connection, done.changes, know.facts, now))
            if any(change.incident.is_held for change in done.changes):
                done = replace(done, queued=done.queued + tell_of_held(connection, know.facts, now))
            if done.changes:
                done = replace(done, queued=done.queued + tell_joined(connection, know.facts, now))
            return done

    def _at_home(self, target: str) -> int:
        """Tell how many accounts have long logged in from an address."""
        return accounts_at(target, self._profiles)

    def _go_back(self) -> None:
        """Forget what has not been stored: the engine has gone on, and goes back to where the store is.

        A store that cannot be read now either, such as one on a server that is down, is asked before the next lines.
        """
        self._is_ahead = True
        engine, pairing = self._restored()
        self._profiles = self._remembered()
        self._engine, self._pairing, self._is_ahead = engine, pairing, False

    def _remembered(self) -> Profiles:
        """Take up the habits that the store has; unlike windows, they do not depend on the rules."""
        with self._database.reading() as connection:
            seed = progress.value(connection, _SEED)
            assert seed is not None, "the engine has been restored, which makes the seed"
            return Profiles(seed, profiles.all_profiles(connection))

    def _restored(self) -> tuple[Engine, AttemptPairing]:
        """Build the engine from the rules and bring it to the state that the store has."""
        know = self._knowledge
        plan = plan_for(know.rules, lateness_us=know.lateness_us, caps=know.caps)
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
            engine = Engine(plan, seed=number, lateness_us=know.lateness_us)
            marks = progress.all_watermarks(connection)
            bound = to_micros(self._clock() + know.clock_skew)
            settled = None if (stored := progress.value(connection, SETTLED)) is None else int(stored)
            # A log that has long said nothing is out of reach, as while running: its mark brings back no old episodes.
            reach = EventTime(know.lateness_us)
            reach.restore(marks, settled, bound=bound)
            progress.forget_streams(connection, [stream.spec.name for stream in plan.streams])
            engine.restore(
                watermarks=marks,
                windows=progress.all_windows(connection),
                names=progress.all_words(connection),
                episodes=incidents.episodes_kept(connection, since_us=reach.floor - 2 * plan.longest_us),
                serial=incidents.next_serial(connection),
                trail=trail.lines_behind(connection),
                settled=settled,
                bound=bound,
            )
            pairing = progress.value(connection, PAIRING)
        return engine, AttemptPairing.from_bytes(pairing) if pairing else AttemptPairing()
