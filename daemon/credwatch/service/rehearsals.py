"""Plays a rehearsal by the timetable: in a process of its own, slower than all else, and never for long.

A rehearsal works apart from the daemon (docs/rehearsal.md), so it needs no more of it than a start at the right time.
The store has when it began before it begins: a daemon that ends meanwhile begins it anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from zoneinfo import ZoneInfo

import structlog
from msgspec import Struct
from msgspec.structs import replace

from credwatch.app.settings import RehearsalOptions
from credwatch.kernel.clock import Clock, rfc3339
from credwatch.kernel.legible import in_a_log
from credwatch.ledger.entry import Act, ActKind
from credwatch.service.schedule import Every, Job
from credwatch.store import audit, outbox
from credwatch.store.database import Database
from credwatch.store.rehearsals import RehearsalRun, latest_run, save_run
from credwatch.telemetry.rehearsal_metrics import RehearsalMetrics
from credwatch.workflows.escalation import on_rehearsal_failed
from credwatch.workflows.facts import Facts

log = structlog.get_logger(__name__)

_TURN_SECONDS = 10
_LOWEST = 19
"""The priority of the process (setpriority(2))."""
_MOST_TROUBLES = 20


class _Child(Struct):
    """A rehearsal under way."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]
    talk: IO[bytes]

    def end(self) -> None:
        """Stop it, and let its files go."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.output.close()
        self.talk.close()


class Rehearsals:
    """Begins rehearsals, and tells what came of each; the timetable's thread calls it alone, but for `stop`."""

    def __init__(
        self,
        config: Path,
        options: RehearsalOptions,
        zone: str,
        database: Database,
        metrics: RehearsalMetrics,
        clock: Clock,
        facts: Callable[[], Facts],
        wake_outbox: Callable[[], None],
        command: tuple[str, ...] = (sys.executable, "-m", "credwatch", "rehearse"),
    ) -> None:
        self._words = (*command, options.scenario, "--json", "--config", str(config))
        self._options, self._zone = options, ZoneInfo(zone)
        self._database, self._metrics, self._clock = database, metrics, clock
        self._facts, self._wake_outbox = facts, wake_outbox
        self._child: _Child | None = None

    def jobs(self) -> list[Job]:
        """Name the job and its time; there is none where the settings name no scenario."""
        return [Job("rehearsal", Every(_TURN_SECONDS), self.turn)] if self._options.scenario else []

    def turn(self) -> None:
        """See what came of the rehearsal under way, or begin one that is due; raises StoreError."""
        now = self._clock()
        with self._database.reading() as connection:
            run = latest_run(connection)
        if run is not None and self._child is not None:
            self._look_after(run, self._child, now)
            return
        due_at = now if run is None or run.ended_at is None else self._next_at(run.begun_at)
        self._metrics.due(due_at)
        if run is not None and run.ended_at is not None:
            self._metrics.ended(run.ended_at, has_failed=run.has_failed)
        if now >= due_at:
            self._begin(now)

    def stop(self) -> None:
        """End the one under way; the next start begins it anew."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _next_at(self, begun_at: datetime) -> datetime:
        """Tell when the next one is due: a period later, at the hour of the settings on that day."""
        local = (begun_at + self._options.every).astimezone(self._zone)
        if not self._options.at:
            return local
        hour, minute = map(int, self._options.at.split(":"))
        return local.replace(hour=hour, minute=minute, second=0, microsecond=0)

    def _begin(self, now: datetime) -> None:
        with self._database.writing() as connection:
            save_run(connection, RehearsalRun(self._options.scenario, now))
        output, talk = TemporaryFile(), TemporaryFile()  # noqa: SIM115  # they live as long as the process
        process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=output, stderr=talk)  # noqa: S603  # this program
        os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST)
        self._child = _Child(process, output, talk)
        log.info("rehearsal.begun", scenario=self._options.scenario)

    def _look_after(self, run: RehearsalRun, child: _Child, now: datetime) -> None:
        """Note what came of it once it has ended, or its time is over."""
        if child.process.poll() is None:
            if now - run.begun_at < self._options.within:
                return
            troubles: tuple[str, ...] = (f"it had not ended after {self._options.within}",)
        else:
            troubles = _troubles(child)
        self.stop()
        self._note(replace(run, ended_at=now, troubles=troubles[:_MOST_TROUBLES]), now)

    def _note(self, run: RehearsalRun, now: datetime) -> None:
        begun_at, queued = rfc3339(run.begun_at), 0
        details = {"scenario": run.scenario, "begun_at": begun_at, "passed": not run.troubles}
        with self._database.writing() as connection:
            save_run(connection, run)
            act = Act(now, ActKind.REHEARSAL_PLAYED, details=details | {"troubles": list(run.troubles)})
            audit.append(connection, act)
            if run.troubles:
                queued = outbox.queue(connection, on_rehearsal_failed(begun_at, run.troubles, self._facts(), now))
        self._metrics.ended(now, has_failed=bool(run.troubles))
        self._metrics.due(self._next_at(run.begun_at))
        if run.troubles:
            log.error("rehearsal.failed", scenario=run.scenario, troubles=list(run.troubles), hint="docs/rehearsal.md")
        else:
            log.info("rehearsal.passed", scenario=run.scenario)
        if queued:
            self._wake_outbox()


def _troubles(child: _Child) -> tuple[str, ...]:
    """Read what a rehearsal said of itself; of one that could not be played, its last word."""
    child.output.seek(0)
    child.talk.seek(0)
    try:
        outcome = json.loads(child.output.read())
        troubles = tuple(in_a_log(str(trouble)) for trouble in outcome["troubles"])
        return troubles or (() if outcome["passed"] is True else ("it did not pass, and did not say why",))
    except (ValueError, KeyError, TypeError):
        said = child.talk.read().decode("utf-8", "replace").strip().splitlines()
        words = next((line for line in said if line.startswith("error")), said[-1] if said else "it said nothing")
        return (in_a_log(f"it could not be played: {words}"),)
