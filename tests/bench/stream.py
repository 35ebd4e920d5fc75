"""A stream to commit beside files to commit, and what a collector costs: each with real processes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import zstandard

from bench.daemon import furnish, running
from bench.figures import Figure, at_least, below
from bench.loglines import write_log
from bench.programs import CREDWATCH, KIB_IN_MIB, CannotRun, apart, talk
from credwatch.sources.shipped.batch import ENCODING, LogBatch, headers_of
from nats_server import NatsServerProcess, a_nats_server

_BATCH_BYTES = 900_000
_PATIENCE_SECONDS = 300.0
_RATE = 100
"""Lines a second that a collector is given."""

_SHARE = 0.5
"""Of the speed of files, so much at least."""

_LINES = "SELECT coalesce(sum(number), 0) FROM tallies WHERE name = 'lines'"


def stream(folder: Path, lines: int, seconds: float) -> Iterator[Figure]:
    """Have a daemon read a log as a file, then from a stream in batches of 900 kB; then watch a collector."""
    folder.mkdir()
    log = folder / "lines.log"
    apart(write_log, log, lines, failures=0.05)
    talk(f"credwatch run, {lines:,} lines of a file, and of a stream")
    files = _committed(folder / "files", log, lines, stream=None)
    yield Figure("file to commit", lines / files, "lines/s")
    with a_nats_server(folder / "nats") as server:
        server.make_stream()
        _publish(server, log)
        rate = lines / _committed(folder / "stream", log, lines, stream=server)
        yield at_least(int(_SHARE * lines / files), "JetStream to commit", rate, "lines/s")
        yield from _collector(folder / "collector", server, seconds)


def _publish(server: NatsServerProcess, log: Path) -> None:
    packer, begin, messages = zstandard.ZstdCompressor(), 0, []
    with log.open("rb") as file:
        while data := file.read(_BATCH_BYTES):
            batch = LogBatch("web1", "/var/log/auth.log", "bench-series", begin, data + file.readline())
            begin = batch.end
            messages.append(("lines.web1", packer.compress(batch.data), {**headers_of(batch), ENCODING: "zstd"}))
    server.publish(*messages)


def _committed(folder: Path, log: Path, lines: int, stream: NatsServerProcess | None) -> float:
    """Say how many seconds pass from the first line that a daemon commits to the last."""
    settings = furnish(folder)
    if stream is not None:
        source = f'\n[[source]]\nid = "shipped"\nkind = "nats"\nservers = ["{stream.url}"]\nstream = "LINES"\n'
        settings.write_text(settings.read_text() + source)
    with running(settings) as daemon:
        if stream is None:
            with log.open("rb") as prepared, daemon.log.open("ab") as followed:
                followed.write(prepared.read())
        began, deadline = 0.0, time.monotonic() + _PATIENCE_SECONDS
        with closing(sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True)) as store:
            while (count := store.execute(_LINES).fetchone()[0]) < lines:
                began = began or (time.monotonic() if count else 0.0)
                if time.monotonic() > deadline:
                    raise CannotRun(f"only {count:,} of {lines:,} lines were committed")
                time.sleep(0.02)
        return max(time.monotonic() - began, 0.001) if began else 0.001


def _collector(folder: Path, server: NatsServerProcess, seconds: float) -> Iterator[Figure]:
    """Watch what a collector costs that ships a hundred lines a second."""
    folder.mkdir()
    log, config = folder / "auth.log", folder / "collect.toml"
    config.write_text(
        f'[collect]\nstate_directory = "{folder}"\n[nats]\nservers = ["{server.url}"]\nsubject = "lines"\n'
        f'[[source]]\nid = "auth"\npaths = ["{log}"]\n'
    )
    talk(f"credwatch collect, {_RATE} lines/s for {seconds:g} s")
    with subprocess.Popen([*CREDWATCH, "collect", "--config", str(config)], stderr=subprocess.DEVNULL) as process:
        try:
            time.sleep(5)
            before, began = _cpu_seconds(process.pid), time.monotonic()
            with log.open("ab", buffering=0) as file:
                while time.monotonic() - began < seconds:
                    file.write(b"Mar  2 00:00:00 srv1 sshd[7]: Failed password for lan from 192.0.2.7 port 22 ssh2\n")
                    time.sleep(1 / _RATE)
            share = (_cpu_seconds(process.pid) - before) / (time.monotonic() - began) * 100
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.terminate()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    yield below(60, "collector, 100 lines/s: peak memory", peak / KIB_IN_MIB, "MiB")
    yield below(1, "collector, 100 lines/s: share of one core", share, "%")


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
