"""A real daemon on a log of its own: started, watched from outside, and stopped."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from bench.figures import Figure, below
from bench.programs import CREDWATCH, KIB_IN_MIB, CannotRun, talk

_READY_SECONDS = 60
_SETTLE_SECONDS = 3


class Daemon(Struct, frozen=True):
    """A daemon that is ready."""

    pid: int
    """Its process."""
    log: Path
    """The empty log that it follows."""
    store: Path
    """Its store."""

    def cpu_seconds(self) -> float:
        """Read its user and system time so far (proc(5), /proc/pid/stat, fields 14 and 15)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Read how much memory it holds."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) / KIB_IN_MIB for line in status.splitlines() if line.startswith("VmRSS"))


def idle(folder: Path, seconds: float) -> Iterator[Figure]:
    """Watch what a daemon costs while nothing happens."""
    talk("credwatch run, idle")
    with running(furnish(folder)) as daemon:
        time.sleep(min(_SETTLE_SECONDS, seconds))
        before, began = daemon.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        share = (daemon.cpu_seconds() - before) / (time.monotonic() - began) * 100
        memory = daemon.resident_mib()
    yield below(150, "daemon, idle: memory", memory, "MiB")
    yield below(1, "daemon, idle: share of one core", share, "%")


@contextmanager
def running(settings: Path) -> Iterator[Daemon]:
    """Start `credwatch run` and give it once it is ready; raises CannotRun where it does not start."""
    folder = settings.parent
    said = folder / "daemon.log"
    with said.open("wb") as output:
        process = subprocess.Popen([*CREDWATCH, "run", "--config", str(settings)], stdout=output, stderr=output)
    try:
        _await_ready(process, said)
        yield Daemon(process.pid, folder / "auth.log", folder / "credwatch.sqlite")
    finally:
        process.terminate()
        process.wait(30)


def furnish(folder: Path, *, read_from: str = "end") -> Path:
    """Make a folder with an empty log and the settings of a daemon that follows it; return the settings."""
    folder.mkdir()
    log, settings = folder / "auth.log", folder / "credwatch.toml"
    log.touch()
    settings.write_text(
        f"""
        [daemon]
        state_directory = "{folder}"
        registers_directory = "{folder}"
        log_format = "text"
        [[source]]
        id = "auth"
        paths = ["{log}"]
        read_from = "{read_from}"
        [operators]
        addresses = ["operators@example.com"]
        [outbox.email]
        host = "127.0.0.1"
        [metrics]
        port = 0
        [gate]
        socket = "{folder}/g"  # a socket has no room for a long path
        events_file = "{folder}/gate.jsonl"
        """,
        encoding="utf-8",
    )
    return settings


def _await_ready(daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while "daemon.ready" not in (said := log.read_text(encoding="utf-8")):
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise CannotRun(f"the daemon did not start:\n{said}")
        time.sleep(0.1)
