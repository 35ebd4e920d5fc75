"""Whatever rotation does between two system calls of a source, each line comes exactly once and in order."""

from __future__ import annotations

import gzip
import os
import random
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from unit.sources.followed import Reader, Seconds, a_file_source, append

CALLS = ("open", "stat", "fstat", "pread", "scandir", "lstat")
ROTATIONS = 12


class RotatingWriter:
    """Writes and rotates a log one step at a time, as logrotate does: renames from the oldest on, then a new file."""

    def __init__(self, log: Path, chance: random.Random, *, style: str) -> None:
        self.log = log
        self.chance = chance
        self.style = style
        self.count = 0
        self.now = time.time_ns()
        self.written: list[bytes] = []
        self.steps = self._steps()

    def step(self) -> bool:
        """Do the next step, where none is under way; tell whether there was one."""
        return self.steps.gi_running or next(self.steps, None) is not None

    def _steps(self) -> Generator[bool, None, None]:
        for rotation in range(ROTATIONS):
            for _ in range(self.chance.randint(1, 3)):
                self._write()
                yield True
            yield from self._dates(rotation) if self.style == "dated" else self._counts(rotation)
            self.log.touch()
            self._stamp()
            yield True
            if self.style == "compressed":
                yield from self._compress()
        self._write()
        yield True

    def _write(self) -> None:
        self.count += 1
        self.written.append(b"line %d" % self.count)
        append(self.log, self.written[-1] + b"\n")
        self._stamp()

    def _stamp(self) -> None:
        """Let time pass between two writes: the stamps of a file system are coarse."""
        self.now += 20_000_000
        os.utime(self.log, ns=(self.now, self.now))

    def _counts(self, rotations: int) -> Iterator[bool]:
        ending = ".gz" if self.style == "compressed" else ""
        for number in range(rotations, 0, -1):
            older = self.log.with_name(f"auth.log.{number}{ending}")
            older.rename(self.log.with_name(f"auth.log.{number + 1}{ending}"))
            yield True
        self.log.rename(self.log.with_name("auth.log.1"))
        yield True

    def _compress(self) -> Generator[bool, None, None]:
        """Write piece by piece, as gzip does, then remove what was compressed."""
        plain, packed = self.log.with_name("auth.log.1"), self.log.with_name("auth.log.1.gz")
        content = gzip.compress(plain.read_bytes())
        for piece in (content[:20], content[20:]):
            append(packed, piece)
            yield True
        os.utime(packed, ns=(plain.stat().st_atime_ns, plain.stat().st_mtime_ns))
        plain.unlink()
        yield True

    def _dates(self, rotations: int) -> Iterator[bool]:
        self.log.rename(self.log.with_name(f"auth.log-{20260301 + rotations}"))
        yield True


@contextmanager
def between_calls(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> Iterator[None]:
    """Have something done before and after each system call on files."""
    busy = False

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            nonlocal busy
            if busy:
                return call(*args, **kwargs)
            busy = True
            act()
            busy = False
            return call(*args, **kwargs)

        return called

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, around(getattr(os, name)))
        yield


@pytest.mark.parametrize("restarting", [False, True], ids=["running", "restarting"])
@pytest.mark.parametrize("style", ["counted", "dated", "compressed"])
@pytest.mark.parametrize("seed", range(25))
def test_rotations_between_any_two_calls_lose_nothing(
    monkeypatch: pytest.MonkeyPatch, seed: int, style: str, restarting: bool
) -> None:
    """Names change while the source chooses and opens: it never takes one file for another, nor skips one."""
    chance, seconds = random.Random(seed), Seconds()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "auth.log"
        log.touch()
        writer = RotatingWriter(log, chance, style=style)
        reader = Reader(a_file_source(log, grace=1, seconds=seconds))
        reader.step()
        speed = chance.choice([0.02, 0.1, 0.4, 0.9])

        def act() -> None:
            while not writer.steps.gi_running and chance.random() < speed:
                writer.step()

        with between_calls(monkeypatch, act):
            while writer.step():
                reader.step(20)
                seconds.now += chance.choice([0, 2])
                if restarting and chance.random() < 0.2:
                    reader = _restarted(reader, log, seconds)
        for _ in range(20 * ROTATIONS):
            reader.drain()
            seconds.now += 2
        reader.source.close()
        assert writer.written == reader.lines


def _restarted(reader: Reader, log: Path, seconds: Seconds) -> Reader:
    reader.source.close()
    source = a_file_source(log, cursors=reader.cursors, grace=1, seconds=seconds)
    return Reader(source, lines=reader.lines, cursors=reader.cursors)
