"""A daemon as a process of its own in a folder of its own, and the mail server it writes to: valid by default."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from sqlalchemy import inspect, select

from credwatch.kernel.incident import Incident
from credwatch.store import outbox
from credwatch.store.cases import legal_clocks
from credwatch.store.cases.case_list import list_incidents
from credwatch.store.commands import StoredCommand
from credwatch.store.database import Database
from credwatch.store.place import ServerPlace
from credwatch.store.state import progress
from postgresql_server import the_server
from scenarios.nursery import Life, nursery
from scenarios.site_files import AUTHORISATIONS, CUSTOMERS, RULES, SETTINGS, STAFF

SOURCE_ROOT = Path(__file__).resolve().parents[2] / "daemon"
PATIENCE = 180.0
"""How many seconds a state is waited for; a busy machine needs many, and an idle one never waits so long."""

RUN = ("-m", "credwatch", "run", "--config")
"""The daemon as systemd starts it."""

_UNCHECKED = """
import asyncio, sys
from pathlib import Path
from credwatch.service.supervisor import Supervisor
from credwatch.telemetry.logs import configure_logs
configure_logs("json")
asyncio.run(Supervisor(Path(sys.argv[1])).run())
"""
RUN_UNCHECKED = ("-c", _UNCHECKED)
"""The same daemon without the check before its start, which takes longer than the start itself."""

_IMPATIENT = """
from datetime import timedelta
from credwatch.outbox import retry
retry.FIRST = retry.LONGEST = timedelta(seconds=1)
retry.DOUBTED = timedelta(seconds=10)
"""
RUN_IMPATIENT = ("-c", _IMPATIENT + _UNCHECKED)
"""The same daemon, which tries to deliver every second instead of ever more seldom."""


class Site(Struct):
    """A folder with settings, registers, rules and logs, and the daemon that runs on it, if one does."""

    folder: Path
    port: int
    settings: str = SETTINGS
    command: tuple[str, ...] = RUN
    process: subprocess.Popen[bytes] | Life | None = None
    starts: int = 0
    server: ServerPlace | None = None
    registers: dict[str, str] = field(
        default_factory=lambda: {"customers": CUSTOMERS, "staff": STAFF, "authorisations": AUTHORISATIONS}
    )

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "credwatch.toml"

    @property
    def auth_log(self) -> Path:
        """The log of the servers."""
        return self.folder / "logs" / "auth.log"

    @property
    def application_log(self) -> Path:
        """The log of the application."""
        return self.folder / "logs" / "application.jsonl"

    @property
    def rules(self) -> Path:
        """The site's own rules."""
        return self.folder / "rules" / "own.yml"

    def furnish(self) -> Site:
        """Write everything that the daemon reads."""
        for name in ("state", "registers", "rules", "packs", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in self.registers.items():
            (self.folder / "registers" / f"{name}.toml").write_text(text, encoding="utf-8")
        self.rules.write_text(RULES, encoding="utf-8")
        self.auth_log.touch()
        self.application_log.touch()
        self.keep_store(self.server)
        return self

    def keep_store(self, server: ServerPlace | None) -> None:
        """Write the settings, with the store on a server, or in the file of the state directory."""
        self.server = server
        settings = self.settings.format(folder=self.folder, port=self.port)
        if server is not None:
            settings += f'[store]\nurl = "{server.url}"\n'
        self.config.write_text(settings, encoding="utf-8")

    @property
    def store_file(self) -> Path:
        """The store, where it is not on a server."""
        return self.folder / "state" / "credwatch.sqlite"

    def start(self) -> None:
        """Start the daemon and return at once: a program in Python by a fork, anything else by exec."""
        self.starts += 1
        if self.command[0] == "-c":
            self.process = nursery(SOURCE_ROOT).start(self.command[1], self.config, self.log_file)
            return
        environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT), "POLARS_MAX_THREADS": "2"}
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command, str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def started(self) -> Site:
        """Start the daemon and return when it is ready."""
        self.start()
        self.await_ready()
        return self

    def await_ready(self) -> None:
        """Return when the daemon is ready; fails with its log where it ends before."""
        await_(lambda: "daemon.ready" in self.log() or not self.runs(), what="the daemon is ready")
        assert self.runs(), self.log()

    def runs(self) -> bool:
        """Tell whether the daemon runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End the daemon at once, with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def terminate(self) -> int:
        """End the daemon in order, with SIGTERM, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def hang_up(self) -> None:
        """Have the daemon reload, with SIGHUP."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    @property
    def log_file(self) -> Path:
        """What the daemon of the last start says."""
        return self.folder / f"daemon-{self.starts}.log"

    def log(self) -> str:
        """Return what the daemon of the last start has said."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def metric(self, series: str) -> float | None:
        """Return the value of a series such as `credwatch_reload_success`, None where there is none."""
        port = re.search(
            r'"port": ?(\d+)', next(line for line in self.log().splitlines() if "metrics.listening" in line)
        )
        assert port is not None
        with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{series} "):
                    return float(line.rpartition(" ")[2])
        return None

    @contextmanager
    def store(self) -> Iterator[Database]:
        """Open the daemon's store beside it."""
        database = Database(self.server or self.store_file)
        try:
            yield database
        finally:
            database.close()

    def lines_taken(self) -> int:
        """Count the lines that were committed, over all days."""
        if self.server is None and not self.store_file.exists():
            return 0
        query = select(progress.tallies.c.number).where(progress.tallies.c.name == "lines")
        with self.store() as database, database.reading() as connection:
            if not inspect(connection).has_table(progress.tallies.name):
                return 0  # the daemon has died before it had made the tables
            return sum(connection.execute(query).scalars())

    def offset(self, log: Path) -> int:
        """Say how many bytes of a followed log were committed."""
        if self.server is None and not self.store_file.exists():
            return 0
        with self.store() as database, database.reading() as connection:
            if not inspect(connection).has_table(progress.cursors.name):
                return 0
            cursor = connection.scalar(select(progress.cursors.c.cursor).where(progress.cursors.c.file == str(log)))
            return 0 if cursor is None else int(json.loads(cursor)["offset"])

    def duties(self) -> set[str]:
        """Return the workflows whose clocks run."""
        with self.store() as database, database.reading() as connection:
            return {clock.workflow for clock in legal_clocks.running_clocks(connection)}

    def incidents(self) -> list[Incident]:
        """Return every incident."""
        with self.store() as database, database.reading() as connection:
            return list_incidents(connection)

    def kinds(self) -> Counter[str]:
        """Count the incidents by kind."""
        return Counter(incident.kind for incident in self.incidents())

    def messages(self, *states: str) -> list[StoredCommand]:
        """Return the messages in these states, in all where none is named; digests are left out."""
        with self.store() as database:
            wanted = states or ("queued", "sending", "refused", "delivered")
            found = outbox.OutboxStore(database).listed(wanted)
        return [stored for stored in found if stored.command.workflow != "digest"]


IN_FILES, ON_A_SERVER = "sqlite", "postgresql"
STORES = {"usual": IN_FILES}
"""Where the stores of sites are that do not say it: `pytest --store postgresql` sets it."""


@contextmanager
def a_site(folder: Path, port: int, **changes: Any) -> Iterator[Site]:
    """Furnish a site for the length of a block; its daemon is ended with it."""
    if STORES["usual"] == ON_A_SERVER:
        changes = {"server": the_server().empty_database(), **changes}
    site = Site(folder, port, **changes).furnish()
    try:
        yield site
    finally:
        if site.runs():
            site.kill()


def await_(is_so: Callable[[], object], *, what: str, seconds: float = PATIENCE) -> None:
    """Ask again and again until it is so; fails after some time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.05)


def append(path: Path, *lines: str | bytes) -> None:
    """Write lines at the end of a log, as the program that logs would."""
    with path.open("ab") as log:
        for line in lines:
            log.write((line.encode() if isinstance(line, str) else line) + b"\n")
