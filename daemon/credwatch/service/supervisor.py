"""The daemon: starts everything, keeps it running, reloads it, and stops it in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from msgspec.structs import replace
from starlette.applications import Starlette

from credwatch.app import keys
from credwatch.app.archive import build_inlet
from credwatch.app.build import build_knowledge, registers_in
from credwatch.app.contact_changes import with_changes
from credwatch.app.delivery import build_channels, build_fallback
from credwatch.app.lock import StateLock
from credwatch.app.rendering import build_renderer, proven_renderer
from credwatch.app.settings import Settings, load_settings
from credwatch.app.sharing import refuse_shared_files
from credwatch.app.sources import canary_file, configured_sources, followed_sources
from credwatch.casework.customer_desk import CustomerDesk
from credwatch.casework.mail_desk import MailDesk
from credwatch.kernel.canary import CANARY
from credwatch.kernel.clock import Clock, steady_clock, system_clock
from credwatch.kernel.command import Command, CommandKind
from credwatch.kernel.errors import ConfigurationError, CredwatchError, ProblemsFound, StoreError
from credwatch.outbox.dispatcher import Dispatcher, Settled
from credwatch.outbox.fallback import Heard
from credwatch.outbox.outage import Outage
from credwatch.parse.samples import sample_problems
from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.pipeline.report import BatchResult, moments_of, moments_of_detection
from credwatch.policy.gate import Gate
from credwatch.service.access_api import access_parts
from credwatch.service.access_chores import AccessChores
from credwatch.service.archiving import Archiving
from credwatch.service.canaries import Canaries
from credwatch.service.chores import Chores
from credwatch.service.enforcing import EnforcingJobs
from credwatch.service.gate import build_gate
from credwatch.service.inbox import inbox_parts
from credwatch.service.losses import Losses
from credwatch.service.memory import settle
from credwatch.service.missing import MissingLogs
from credwatch.service.parts.answering import gate_part
from credwatch.service.parts.delivery import DeliveryPart, WatchedOutbox
from credwatch.service.parts.interface import LivingPart, Pulse
from credwatch.service.parts.keeper import Keeper
from credwatch.service.parts.reading import ReadingPart
from credwatch.service.parts.telling import MetricsPart
from credwatch.service.parts.timing import TimetablePart
from credwatch.service.parts.watching import WatchPart
from credwatch.service.password_audit import PasswordAudit
from credwatch.service.portal import Portal
from credwatch.service.posture import PostureWatch
from credwatch.service.reader import OpenSource, Reader
from credwatch.service.receiving import build_intakes, listening_parts
from credwatch.service.rehearsals import Rehearsals
from credwatch.service.schedule import Job, Timetable
from credwatch.service.signing import Signing
from credwatch.service.watchfiles import ConfigurationWatch
from credwatch.sources.certificates import ends_at, listeners
from credwatch.sources.file.mounts import remote_of
from credwatch.sources.interface import Cursor, Source
from credwatch.sources.machine import place_of
from credwatch.sources.options import PlacedSource, files_among
from credwatch.sources.registry import open_source
from credwatch.store.database import Database
from credwatch.store.migrate import migrate_apart
from credwatch.telemetry.metrics import Metrics
from credwatch.telemetry.serving import serve_metrics
from credwatch.telemetry.systemd import SaidState
from credwatch.web.gate.routes import gate_app
from credwatch.workflows.escalation import on_outage, on_refused
from credwatch.workflows.measure_letters import on_failed

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0


class Supervisor:
    """Runs one daemon from one settings file until it is told to stop.

    Lines are read in a thread of their own, messages leave and the gate answers in the event loop, and chores run by
    the timetable in a third; they meet only in the store, whose transactions keep them apart.
    """

    def __init__(self, config: Path, *, clock: Clock = system_clock) -> None:
        self._config = config
        self._clock = clock
        self._settings = load_settings(config)
        self._lock = StateLock(self._settings.daemon.state_directory, clock())
        self._sources = followed_sources(self._settings)
        refuse_shared_files(self._sources)
        self._intakes = build_intakes(self._settings, self._sources)
        self._missing = MissingLogs(
            {
                source.id: source.paths
                for source in files_among(configured_sources(self._settings))
                if not remote_of(source.paths)  # it asks in the reader's thread, which no dead server may hold up
            }
        )
        self._notice_key = keys.notice_key(self._settings)
        self._knowledge = build_knowledge(self._settings, notice_key=self._notice_key)
        self._registers = registers_in(self._settings)
        self._database = Database(keys.store_place(self._settings))
        migrate_apart(self._database)
        self._database.claim()
        self._knowledge = with_changes(self._knowledge, self._database)
        self._metrics = Metrics()
        certificates = listeners(self._settings.push, self._settings.source)
        self._metrics.set_certificates(
            {name: end for name, file in certificates.items() if (end := ends_at(file)) is not None}
        )
        self._losses = Losses(self._metrics.count_file_events, lambda source: self._chores.lookout.lost(source))
        self._declare(self._knowledge)
        self._reading, self._delivering = Pulse(), Pulse()
        self._renderer = build_renderer(self._settings)
        self._inlet = build_inlet(self._settings, self._database, clock)
        self._dispatcher = self._build_dispatcher()
        self._reader_at_hand: Reader | None = self._build_reader()
        self._reader = self._reader_at_hand
        self._chores = Chores(
            self._database, self._metrics, self._dispatcher.wake, clock, lambda: self._knowledge.facts, self._settings
        )
        self._enforcing = EnforcingJobs(
            self._database, self._metrics.measures, self._dispatcher.wake, clock, lambda: self._knowledge.facts
        )
        self._desk = desk = CustomerDesk(
            self._settings, self._database, lambda: self._pipeline.facts, clock, self._dispatcher.wake
        )
        self._mail_desk = MailDesk(
            self._settings, self._database, lambda: self._pipeline.facts, clock, self._dispatcher.wake
        )
        self._portal = Portal(self._settings, self._database, desk, clock, self._metrics, self._reload_soon)
        self._archiving = Archiving(
            self._settings,
            self._database,
            self._inlet,
            self._metrics.archive,
            lambda: self._knowledge.service_ended,
            self._chores.lookout.unarchived,
            clock,
        )
        self._signing = Signing(self._settings, self._database, self._metrics, clock, lambda: self._knowledge.facts)
        self._signing.sign()
        self._signing.note_files(config, self._settings)
        self._access = AccessChores(desk, self._database, self._metrics.access)
        self._rehearsals = Rehearsals(
            config,
            self._settings.rehearsal,
            self._settings.daemon.time_zone,
            self._database,
            self._metrics.rehearsals,
            clock,
            lambda: self._knowledge.facts,
            self._dispatcher.wake,
        )
        self._keeper = Keeper(self._parts(), self._metrics)
        self._state = SaidState()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP and changed files reload. Returns when everything is committed.

        Raises PartLost where a part that is needed cannot come back.
        """
        self._take_signals()
        try:
            with suppress(StoreError):  # the next look at what is not seen begins with it
                self._chores.lookout.begin()
            await self._live()
        finally:
            # Parts end in the order in which lines flow: the batch under way is committed, attempts are settled.
            self._state.stopping()
            await self._keeper.stop()
            self._rehearsals.stop()
            self._archiving.stop()
            with suppress(StoreError):
                self._signing.sign()
            self._database.close()
            self._lock.release()
        log.info("daemon.stopped")

    async def _live(self) -> None:
        """Look after the parts once a second, and say that the daemon lives while it does."""
        while not self._stop.is_set():
            await self._keeper.look()
            troubles = self._keeper.troubles()
            if self._keeper.has_begun() and not self._state.is_ready:
                self._ready()
            self._state.told(troubles)
            if self._keeper.is_sound():
                self._state.alive()
                self._metrics.alive()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _LOOK_SECONDS)

    def _ready(self) -> None:
        settle()
        with suppress(StoreError):
            self._chores.lookout.arrived()
        self._state.ready()
        log.info(
            "daemon.ready",
            role=self._settings.daemon.role,
            sources={source.id: place_of(source) for source in self._sources},
        )

    def _parts(self) -> list[LivingPart]:
        """List what lives long: what tells, delivers, answers, ticks, reads, receives, and notices edits.

        They start in this order, from the back of the flow, and end in the opposite one.
        """
        metrics, gate = self._settings.metrics, self._settings.gate
        telling = MetricsPart(metrics.address, lambda: serve_metrics(self._metrics, metrics.address, metrics.port))
        return [
            *([telling] if metrics.enabled else []),
            DeliveryPart(self._dispatcher, self._delivering),
            *([gate_part(self._build_gate, gate)] if gate.enabled else []),
            *self._portal.parts(),
            *access_parts(self._settings, self._desk, self._gate, self._clock, self._metrics.access.answered),
            *inbox_parts(self._settings, self._mail_desk, self._metrics),
            TimetablePart(
                [
                    *self._chores.jobs(),
                    *self._enforcing.jobs(),
                    *self._signing.jobs(),
                    *self._canary_jobs(),
                    *self._portal.jobs(),
                    *self._access.jobs(),
                    *self._archiving.jobs(),
                    *self._posture_jobs(),
                    *self._rehearsals.jobs(),
                ],
                self._timetable,
                Pulse(),
            ),
            ReadingPart(self._next_reader, self._reading),
            *listening_parts(self._settings, self._sources, self._intakes, self._clock, self._metrics),
            WatchPart(lambda: ConfigurationWatch(self._watched(), self._reload_soon), self._reload_soon),
        ]

    def _canary_jobs(self) -> list[Job]:
        canary = self._settings.canary
        if not canary.address:
            return []
        return Canaries(
            canary_file(self._settings),
            canary.interval,
            canary.within,
            self._database,
            self._metrics,
            self._clock,
            lambda: self._knowledge.facts,
            self._dispatcher.wake,
        ).jobs()

    def _posture_jobs(self) -> list[Job]:
        notice = self._chores.lookout.notice
        watch = PostureWatch(self._settings, self._database, self._metrics.posture, notice, self._clock)
        audit = PasswordAudit(self._settings, self._database, self._metrics.posture, self._clock)
        return [*watch.jobs(), *audit.jobs()]

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)

    def _reload_soon(self) -> None:
        """Have the reading thread reload between two batches; may be called from any thread."""
        self._reader.between_batches(self._reload)

    def _reload(self) -> None:
        """Take up changed rules, packs, registers, profiles and templates; on any problem the last good state stays."""
        self._state.reloading()
        now = self._clock()
        try:
            self._take_up(load_settings(self._config))
        except Exception as error:  # noqa: BLE001  # the reading thread must live on, whatever an edit brings
            reason = str(error) if isinstance(error, CredwatchError) else type(error).__name__
            log.error("reload.failed", error=reason, hint="the last good state stays in force")
            self._metrics.reloaded(False, now)
        else:
            log.info("reload.done", rules=len(self._knowledge.rules.by_id()))
            self._metrics.reloaded(True, now)
            self._reader.read_again()
        self._state.reloaded()

    def _take_up(self, settings: Settings) -> None:
        registers = registers_in(settings)
        if gone := sorted(self._registers - registers):
            raise ConfigurationError(
                "the register is gone", where=gone[0], hint="put it back; an empty file says that nobody is in it"
            )
        knowledge = build_knowledge(settings, notice_key=self._notice_key)
        if problems := sample_problems(knowledge.packs):
            raise ProblemsFound(problems)
        renderer = proven_renderer(settings, knowledge.rules)
        knowledge = with_changes(knowledge, self._database)
        # Sources are followed as they were at the start, so their lines must be read as they were.
        knowledge = replace(knowledge, formats=self._knowledge.formats)
        self._pipeline.reload(knowledge)
        self._renderer.take_up(renderer)
        self._knowledge, self._registers = knowledge, registers
        self._declare(knowledge)
        self._signing.note_files(self._config, settings)

    def _watched(self) -> list[Path]:
        daemon, databases = self._settings.daemon, self._settings.enrichment.databases
        folders = [daemon.registers_directory, *daemon.rules_directories, *daemon.packs_directories]
        return [*folders, *{path.parent for path in databases.values()} - {*folders}]

    def _opener(self, options: PlacedSource) -> OpenSource:
        def opened(cursors: Mapping[str, Cursor]) -> Source:
            wake = lambda: self._reader.wake()  # noqa: E731  # the reader of that moment
            return open_source(options, cursors, clock=self._clock, wake=wake, intakes=self._intakes)

        return opened

    def _next_reader(self) -> Reader:
        """Give the reader that was built with the rest, then, where one died, others that begin from the store."""
        reader, self._reader_at_hand = self._reader_at_hand, None
        self._reader = reader or self._build_reader()
        if reader is None:
            self._reload_soon()  # the one that died may have had a reload to do
        return self._reader

    def _build_reader(self) -> Reader:
        self._pipeline = Pipeline(self._knowledge, self._database, self._clock, self._inlet)
        if self._pipeline.discarded_windows:
            log.warning("detection.windows_discarded", reason="written in another form")
        reader = Reader(
            self._pipeline,
            {source.id: self._opener(source) for source in self._sources},
            self._database,
            batch_bytes=self._settings.detection.batch_bytes,
            on_report=self._reported,
            on_turn=self._turned,
            on_store_failure=self._store_failed,
        )
        reader.between_batches(reader.read_again)
        return reader

    def _build_dispatcher(self) -> Dispatcher:
        settings = self._settings
        return Dispatcher(
            WatchedOutbox(self._database, self._delivering),
            build_channels(settings, self._renderer, self._clock),
            self._clock,
            self._refused,
            concurrency=settings.outbox.concurrency,
            on_settled=self._settled,
            fallback=build_fallback(settings, self._renderer, self._clock, self._heard),
            outage=Outage(steady_clock, settings.outbox.fallback.after_seconds),
            on_outage=self._mail_turned,
            watched=frozenset(CommandKind) - {CommandKind.ENFORCE},
        )

    def _mail_turned(self, is_down: bool, reply: str, last: datetime | None, now: datetime) -> tuple[Command, ...]:
        self._metrics.set_mail_down(is_down)
        return on_outage(is_down, reply, last, self._knowledge.facts, now)

    def _heard(self, heard: Heard) -> None:
        self._metrics.told_otherwise(heard.way, heard.succeeded)

    def _refused(self, command: Command, reply: str, now: datetime) -> tuple[Command, ...]:
        tell = on_failed if command.kind is CommandKind.ENFORCE else on_refused
        return tell(command, reply, self._knowledge.facts, now)

    def _settled(self, settled: Settled) -> None:
        self._metrics.settled(type(settled.receipt).__name__.lower())

    def _store_failed(self) -> None:
        self._reading.beat()
        self._metrics.store_failed()

    def _reported(self, report: BatchResult) -> None:
        self._reading.beat()
        self._metrics.record(report)
        if report.conclusions.dropped:
            self._chores.lookout.capped()
        for detection in report.detections:
            level, moments = detection.level.name.lower(), moments_of_detection(detection)
            log.info("detection", rule=detection.title, level=level, id=detection.id, **moments)
        for change in report.changes:
            incident = change.incident
            what, moments = change.kind.value, moments_of(incident)
            log.info("incident", what=what, number=incident.number, kind=incident.kind, **moments)
        if report.queued:
            self._dispatcher.wake()

    def _turned(self, name: str, source: Source) -> None:
        self._reading.beat()
        is_up, waiting = not source.problems() and not self._missing.is_any(name), source.lag()
        self._metrics.set_sources_up({name: is_up})
        self._chores.lookout.notice(name, is_up=is_up, waiting=waiting)
        self._losses.notice(source)
        if waiting == 0:
            self._metrics.set_caught_up(name)

    def _stepped(self, step: timedelta) -> None:
        """Wake whatever may wait for a moment that the clock has been set away from."""
        self._metrics.clock_stepped(step)
        self._dispatcher.wake()
        self._reader.wake()

    def _timetable(self, jobs: list[Job]) -> Timetable:
        return Timetable(jobs, self._metrics.ran, clock=self._clock, on_step=self._stepped)

    def _build_gate(self) -> Starlette:
        return gate_app(self._gate(), self._settings.gate, on_answer=self._metrics.gate_answered)

    def _gate(self) -> Gate:
        return build_gate(self._settings, self._database, lambda: self._knowledge, self._clock)

    def _declare(self, knowledge: Knowledge) -> None:
        every = [rule for rule in knowledge.rules.by_id().values() if rule.consequence.incident != CANARY]
        speaking = [(rule.title, rule.level.name.lower(), rule.shadow) for rule in every if rule.alone]
        kinds = {rule.consequence.incident for rule in every} - {""}
        workflows = {name for rule in every for name in rule.consequence.workflows}
        self._metrics.declare(
            sources=[source.id for source in self._sources],
            packs=[pack.id for pack in knowledge.packs.packs],
            rules=[(title, level) for title, level, shadow in speaking if not shadow],
            shadow_rules=[(title, level) for title, level, shadow in speaking if shadow],
            kinds=sorted(kinds),
            workflows=sorted(workflows),
        )
