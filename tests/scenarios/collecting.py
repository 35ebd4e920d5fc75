"""A collector as a process of its own, and sites that take what it ships."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from scenarios.daemon import PATIENCE, SOURCE_ROOT, Site, await_
from scenarios.outcome import Outcome, outcome_of
from scenarios.site_files import SETTINGS

_OWN_LOGS = SETTINGS[SETTINGS.index("[[source]]") : SETTINGS.index("[detection]")]

FROM_STREAM = """
[[source]]
id = "shipped"
kind = "nats"
servers = ["{url}"]
stream = "LINES"
ack_seconds = 2
"""
TO_STREAM = """
[nats]
servers = ["{url}"]
subject = "lines"
stream = "LINES"
"""
TO_PUSH = """
[push]
url = "http://127.0.0.1:{port}"
token_file = "{folder}/token"
"""
OF_LOGS = """
[[source]]
id = "auth"
paths = ["{logs}/*.log"]
format = "syslog"
read_from = "start"
[[source]]
id = "application"
paths = ["{logs}/application.jsonl"]
format = "json"
read_from = "start"
"""


def without_logs(more: str) -> str:
    """Give the settings of a site that follows no logs of its own, with more behind them."""
    return SETTINGS.replace(_OWN_LOGS, "") + more.replace("{", "{{").replace("}", "}}")


class CollectorProcess(Struct):
    """One collector in a folder of its own."""

    folder: Path
    settings: str
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "collect.toml"

    @property
    def metrics(self) -> Path:
        return self.folder / "state" / "metrics.prom"

    def start(self) -> None:
        """Start it, and return at once."""
        self.starts += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        table = f'[collect]\nhost = "web1"\nstate_directory = "{self.folder}/state"\nlinger = 0.1\n'
        self.config.write_text(table + self.settings, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT), **self.environment}
        with (self.folder / f"collector-{self.starts}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "credwatch", "collect", "--json", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def started(self) -> CollectorProcess:
        """Start it, and return when it reads and sends."""
        self.start()
        await_(lambda: "collect.ready" in self.log() or not self.runs(), what="the collector is ready")
        assert self.runs(), self.log()
        return self

    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it at once."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def terminate(self) -> int:
        """End it in order, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def log(self) -> str:
        """Return what it has said since its last start."""
        return (self.folder / f"collector-{self.starts}.log").read_text(encoding="utf-8", errors="replace")

    def has_begun(self, log: Path) -> bool:
        """Tell whether it has kept any line of a log."""
        with closing(sqlite3.connect(f"file:{self.folder}/state/buffer.sqlite?mode=ro", uri=True)) as buffer:
            row = buffer.execute("SELECT shipped FROM logs WHERE file = ?", (str(log),)).fetchone()
        return bool(row and row[0])

    def series(self, name: str) -> float | None:
        """Return the value of a series in its metrics."""
        lines = self.metrics.read_text().splitlines() if self.metrics.exists() else []
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), None)


@contextmanager
def a_collector(folder: Path, settings: str) -> Iterator[CollectorProcess]:
    """Give a collector for the length of a block; it is ended with it."""
    collector = CollectorProcess(folder, settings)
    try:
        yield collector
    finally:
        if collector.runs():
            collector.kill()


class Detected(Struct, frozen=True):
    """What a run has come to, whatever its sources are called."""

    lines: int
    unparsed: Counter[Any]
    detections: Counter[Any]
    incidents: list[Any]
    notices: list[Any]


def detected(site: Site) -> Detected:
    """Read what lines have led to, without the names of their sources and logs."""
    with site.store() as database:
        outcome: Outcome = outcome_of(database)
    unparsed = Counter[Any]()
    for (_, _, line, reason), number in outcome.unparsed.items():
        unparsed[line, reason] += number
    return Detected(
        outcome.lines, unparsed, outcome.detections, [*map(_of_incident, outcome.incidents)], outcome.notices
    )


def _of_incident(incident: Any) -> Any:
    return incident.number, incident.kind, incident.organization, incident.subject, incident.occurred_first
