"""The daemon: starts everything, keeps it running, reloads it, and stops it in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import structlog
from msgspec.structs import replace

from credwatch.app import keys, systemd
from credwatch.app.build import build_knowledge, followed_sources
from credwatch.app.chores import Chores
from credwatch.app.delivery import build_channel, build_fallback
from credwatch.app.gate import build_gate
from credwatch.app.memory import settle
from credwatch.app.pipeline import Knowledge, Pipeline
from credwatch.app.reader import OpenSource, Reader
from credwatch.app.rendering import build_renderer
from credwatch.app.report import Report
from credwatch.app.schedule import Timetable
from credwatch.app.settings import SourceOptions, load_settings
from credwatch.app.watchfiles import ConfigurationWatch
from credwatch.kernel.clock import Clock, steady_clock, system_clock
from credwatch.kernel.command import Command
from credwatch.kernel.errors import CredwatchError, ProblemsFound
from credwatch.outbox.dispatcher import Dispatcher, Settled
from credwatch.outbox.fallback import Heard
from credwatch.outbox.outage import Outage
from credwatch.parse.samples import check_packs
from credwatch.sources.file import FileOptions, FileSource
from credwatch.sources.interface import Cursor, Source
from credwatch.store.database import Database
from credwatch.store.migrate import migrate_apart
from credwatch.store.outbox import OutboxStore
from credwatch.telemetry.metrics import Metrics, ServedMetrics, serve_metrics
from credwatch.web.gate import gate_app
from credwatch.web.unix_socket import serve_gate
from credwatch.workflows.escalation import on_outage, on_refused

log = structlog.get_logger(__name__)


class Supervisor:
    """Runs one daemon from one settings file until it is told to stop.

    Lines are read in a thread of their own, messages leave and the gate answers in the event loop, and chores run by
    the timetable in a third; they meet only in the store, whose transactions keep them apart.
    """

    def __init__(self, config: Path, *, clock: Clock = system_clock) -> None:
        self._config = config
        self._clock = clock
        self._settings = load_settings(config)
        self._sources = followed_sources(self._settings)
        self._notice_key = keys.notice_key(self._settings)
        self._knowledge = build_knowledge(self._settings, notice_key=self._notice_key)
        self._database = Database(self._settings.daemon.store)
        migrate_apart(self._database)
        self._metrics = Metrics()
        self._declare(self._knowledge)
        self._pipeline = Pipeline(self._knowledge, self._database, clock)
        self._dispatcher = self._build_dispatcher()
        self._reader = Reader(
            self._pipeline,
            {source.id: self._opener(source) for source in self._sources},
            self._database,
            batch_bytes=self._settings.detection.batch_bytes,
            on_report=self._reported,
            on_turn=self._turned,
            on_store_failure=self._metrics.store_failed,
        )
        self._chores = Chores(
            self._database, self._metrics, self._dispatcher.wake, clock, lambda: self._knowledge.facts, self._settings
        )
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP and changed files reload. Returns when everything is committed."""
        self._take_signals()
        reading = Thread(target=self._reader.run, name="reader")
        timetable = Timetable(self._chores.jobs(), self._metrics.ran, clock=self._clock, on_step=self._stepped)
        served = self._serve_metrics()
        # 1. Start from the back: what delivers, what answers, what ticks, and last what reads.
        delivering = asyncio.create_task(self._dispatcher.run())
        answering = asyncio.create_task(self._answer())
        timetable.start()
        reading.start()
        watch = ConfigurationWatch(self._watched(), self._reload_soon)
        watch.start()
        settle()
        systemd.notify("READY=1")
        log.info("daemon.ready", role=self._settings.daemon.role, sources=[source.id for source in self._sources])
        # 2. Wait, and say that the daemon lives.
        await self._live(reading, timetable)
        # 3. Stop in the same order as lines flow: the batch under way is committed, attempts under way are settled.
        systemd.notify("STOPPING=1")
        watch.stop()
        self._reader.stop()
        await asyncio.to_thread(reading.join)
        await asyncio.to_thread(timetable.stop)
        self._dispatcher.stop()
        await asyncio.gather(delivering, answering)
        if served is not None:
            served.stop()
        self._database.close()
        log.info("daemon.stopped")

    async def _live(self, reading: Thread, timetable: Timetable) -> None:
        pause = min(systemd.watchdog_seconds() or 20.0, 20.0) / 2
        while not self._stop.is_set():
            if not reading.is_alive():
                raise CredwatchError("the reading thread has ended", hint="see the log above; systemd starts it again")
            timetable.look_at_clock()
            systemd.notify("WATCHDOG=1")
            self._metrics.alive()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)

    def _reload_soon(self) -> None:
        """Have the reading thread reload between two batches; may be called from any thread."""
        self._reader.between_batches(self._reload)

    def _reload(self) -> None:
        """Take up changed rules, packs, registers and profiles; on any problem the last good state stays."""
        systemd.notify("RELOADING=1")
        now = self._clock()
        try:
            settings = load_settings(self._config)
            knowledge = build_knowledge(settings, notice_key=self._notice_key)
            if settings.daemon.packs_directories and (problems := check_packs(knowledge.packs)):
                raise ProblemsFound(problems)
            # Sources are followed as they were at the start, so their lines must be read as they were.
            knowledge = replace(knowledge, formats=self._knowledge.formats)
            self._pipeline.reload(knowledge)
        except CredwatchError as error:
            log.error("reload.failed", error=str(error), hint="the last good state stays in force")
            self._metrics.reloaded(False, now)
        else:
            self._knowledge = knowledge
            self._declare(knowledge)
            log.info("reload.done", rules=len(knowledge.rules.by_id()))
            self._metrics.reloaded(True, now)
        systemd.notify("READY=1")

    def _watched(self) -> list[Path]:
        daemon, databases = self._settings.daemon, self._settings.enrichment.databases
        folders = [daemon.registers_directory, *daemon.rules_directories, *daemon.packs_directories]
        return [*folders, *{path.parent for path in databases.values()} - {*folders}]

    def _opener(self, options: SourceOptions) -> OpenSource:
        def opened(cursors: Mapping[str, Cursor]) -> Source:
            followed = FileOptions(name=options.id, paths=options.paths, start=options.read_from)
            return FileSource(followed, cursors, clock=self._clock, wake=lambda: self._reader.wake())

        return opened

    def _build_dispatcher(self) -> Dispatcher:
        settings = self._settings
        renderer = build_renderer(settings)
        return Dispatcher(
            OutboxStore(self._database),
            build_channel(settings, renderer, self._clock),
            self._clock,
            self._refused,
            concurrency=settings.outbox.concurrency,
            on_settled=self._settled,
            fallback=build_fallback(settings, renderer, self._clock, self._heard),
            outage=Outage(steady_clock, settings.outbox.fallback.after_seconds),
            on_outage=self._mail_turned,
        )

    def _mail_turned(self, is_down: bool, reply: str, last: datetime | None, now: datetime) -> tuple[Command, ...]:
        self._metrics.set_mail_down(is_down)
        return on_outage(is_down, reply, last, self._knowledge.facts, now)

    def _heard(self, heard: Heard) -> None:
        self._metrics.told_otherwise(heard.way, heard.succeeded)

    def _refused(self, command: Command, reply: str, now: datetime) -> tuple[Command, ...]:
        return on_refused(command, reply, self._knowledge.facts, now)

    def _settled(self, settled: Settled) -> None:
        self._metrics.settled(type(settled.receipt).__name__.lower())

    def _reported(self, report: Report) -> None:
        self._metrics.record(report)
        for detection in report.found.detections:
            mark = {"shadow": True} if detection.shadow else {}
            log.info("detection", rule=detection.title, level=detection.level.name.lower(), id=detection.id, **mark)
        for change in report.changes:
            incident = change.incident
            log.info("incident", what=change.kind.value, number=incident.number, kind=incident.kind)
        if report.queued:
            self._dispatcher.wake()

    def _turned(self, name: str, source: Source) -> None:
        self._metrics.set_sources_up({name: not source.problems()})
        if source.lag() == 0:
            self._metrics.set_caught_up(name)

    def _stepped(self, step: timedelta) -> None:
        """Wake whatever may wait for a moment that the clock has been set away from."""
        self._metrics.clock_stepped(step)
        self._dispatcher.wake()
        self._reader.wake()

    def _serve_metrics(self) -> ServedMetrics | None:
        options = self._settings.metrics
        if not options.enabled:
            return None
        served = serve_metrics(self._metrics, options.address, options.port)
        log.info("metrics.listening", address=options.address, port=served.port)
        return served

    async def _answer(self) -> None:
        options = self._settings.gate
        if options.enabled:
            gate = build_gate(self._settings, self._database, lambda: self._knowledge, self._clock)
            app = gate_app(gate, options, on_answer=self._metrics.gate_answered)
            await serve_gate(app, options.socket, stop=self._stop, group=options.socket_group)

    def _declare(self, knowledge: Knowledge) -> None:
        every = knowledge.rules.by_id().values()
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
