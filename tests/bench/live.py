"""A busy day in real time: lines written to a log that a daemon follows, and how soon what they show is committed."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from math import ceil
from pathlib import Path
from statistics import median
from threading import Event, Thread

from bench.daemon import furnish, running
from bench.figures import Figure, at_least, below
from bench.loglines import write_log
from bench.programs import apart, talk

RATE = 10_000
"""Lines a second."""
_WRITES = 100
"""How many writes those are, as a syslog daemon hands over what it has gathered."""
_EVERY = 10
"""Every how many writes one carries a burst of guesses."""
_GUESSES = 8
_BRUTE_FORCE = "967d7d28-4985-5b8f-b7f2-28b50d0ac83c"
"""The shipped rule that the last guess of a burst completes: eight failures from one address within two minutes."""
_STAMP = len("Mar  2 00:00:00")
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 15.0
_NEW_DETECTIONS = "SELECT rowid, document FROM detections WHERE rowid > ? AND rule_id = ? ORDER BY rowid"
_PLANTED = re.compile(r"100\.64\.\d+\.\d+")


def live(folder: Path, seconds: float) -> Iterator[Figure]:
    """Write 10,000 lines a second for so long, with bursts of guesses among them, and wait for what they must show."""
    folder.mkdir()
    lines = folder / "lines.log"
    apart(write_log, lines, int(RATE * seconds), failures=0.75)
    talk(f"credwatch run, {RATE:,} lines/s for {seconds:g} s")
    with running(furnish(folder / "daemon")) as daemon, _watching(daemon.store) as seen:
        before, began = daemon.cpu_seconds(), time.monotonic()
        bursts = _write(lines, daemon.log, seconds)
        lasted = time.monotonic() - began
        _await(seen, bursts)
        share = (daemon.cpu_seconds() - before) / lasted
        ended = time.monotonic()
    waits = sorted(seen.get(address, ended) - at for address, at in bursts.items())
    yield at_least(RATE * 99 // 100, f"live: lines written over {seconds:g} s", RATE * seconds / lasted, "lines/s")
    yield at_least(len(bursts), f"live: detections seen of {len(bursts):,}", len(seen), "found")
    yield below(1, "live: from write to commit, 99th percentile", waits[ceil(0.99 * len(waits)) - 1], "s")
    yield Figure("  the median", median(waits), "s")
    yield below(0.5, "live: cores of CPU", share, "cores")


@contextmanager
def _watching(store: Path) -> Iterator[dict[str, float]]:
    """Give a dictionary that says when the detection of each planted address was first seen, on the monotonic clock."""
    seen: dict[str, float] = {}
    done = Event()
    looking = Thread(target=_look, args=(store, seen, done))
    looking.start()
    try:
        yield seen
    finally:
        done.set()
        looking.join()


def _look(store: Path, seen: dict[str, float], done: Event) -> None:
    latest = 0
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        while not done.wait(_LOOK_SECONDS):
            found = connection.execute(_NEW_DETECTIONS, (latest, _BRUTE_FORCE)).fetchall()
            now = time.monotonic()
            for number, document in found:
                latest = number
                for address in _PLANTED.findall(document):
                    seen.setdefault(address, now)


def _write(lines: Path, log: Path, seconds: float) -> dict[str, float]:
    """Write lines with the stamps of now, and return when each address wrote the burst that must be detected."""
    bursts: dict[str, float] = {}
    began = time.monotonic()
    with lines.open("rb") as prepared, log.open("ab", buffering=0) as followed:
        for turn in range(round(seconds * _WRITES)):
            time.sleep(max(began + turn / _WRITES - time.monotonic(), 0))
            burst = _burst(turn // _EVERY) if turn % _EVERY == 0 else []
            stamp = _stamp()
            ends = [line[_STAMP:] for line in islice(prepared, RATE // _WRITES - len(burst))]
            text = b"".join(stamp + end for end in (*ends, *burst))
            if burst:
                bursts[_address(turn // _EVERY)] = time.monotonic()
            followed.write(text)
    return bursts


def _burst(number: int) -> list[bytes]:
    guess = f" srv1 sshd[{1000 + number}]: Failed password for planted{number} from {_address(number)} port 4022 ssh2\n"
    return [guess.encode()] * _GUESSES


def _address(number: int) -> str:
    return f"100.64.{number // 250}.{number % 250 + 1}"


def _stamp() -> bytes:
    now = datetime.now(UTC)
    return f"{now:%b} {now.day:2} {now:%H:%M:%S}".encode()


def _await(seen: dict[str, float], bursts: dict[str, float]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not bursts.keys() <= seen.keys() and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
