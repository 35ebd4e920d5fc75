"""Whatever writers, rotation and restarts do to a log, each line comes exactly once and in order."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from unit.sources.followed import Reader, a_file_source

KEPT = 60
"""More rotated files than one run makes, so that none is lost by deletion."""


class FollowedLog(RuleBasedStateMachine):
    """A log that is appended to in torn pieces, rotated and truncated, and a source that is killed now and then."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.log = Path(self._folder.name) / "auth.log"
        self.written: list[bytes] = []
        self.pending = b""
        self.count = 0

    @initialize()
    def begin(self) -> None:
        self.log.touch()
        self.reader = Reader(a_file_source(self.log))
        self.reader.drain()

    @rule(lines=st.integers(1, 5), width=st.integers(0, 300), torn=st.integers(0, 12))
    def append(self, lines: int, width: int, torn: int) -> None:
        for _ in range(lines):
            self.count += 1
            self.written.append(b"%d %s" % (self.count, b"x" * width))
            self.pending += self.written[-1] + b"\n"
        self._write(max(len(self.pending) - torn, 0))

    @rule()
    def finish_the_line(self) -> None:
        self._write(len(self.pending))

    @rule(limit=st.integers(1, 900))
    def read_one_chunk(self, limit: int) -> None:
        self.reader.step(limit)

    @rule()
    def read_all(self) -> None:
        self.reader.drain()

    @rule()
    def rotate(self) -> None:
        self._write(len(self.pending))
        self._shift()
        self.log.rename(self.log.with_name("auth.log.1"))
        self.log.touch()

    @precondition(lambda self: self._is_begun())
    @rule()
    def copy_and_truncate(self) -> None:
        self._write(len(self.pending))
        self._shift()
        self.log.with_name("auth.log.1").write_bytes(self.log.read_bytes())
        os.truncate(self.log, 0)

    def _shift(self) -> None:
        for number in range(KEPT, 0, -1):
            older = self.log.with_name(f"auth.log.{number}")
            if older.exists():
                older.rename(self.log.with_name(f"auth.log.{number + 1}"))

    def _is_begun(self) -> bool:
        """Tell whether something of the present file is committed: else nobody could tell its copy from another."""
        cursor = self.reader.cursors.get(str(self.log), {})
        return cursor.get("inode") == self.log.stat().st_ino and cursor["offset"] > 0

    @precondition(lambda self: not self.pending)
    @rule()
    def truncate_after_reading(self) -> None:
        self.reader.drain()
        os.truncate(self.log, 0)
        self.reader.drain()

    @rule()
    def restart(self) -> None:
        self.reader.source.close()
        source = a_file_source(self.log, cursors=self.reader.cursors)
        self.reader = Reader(source, lines=self.reader.lines, cursors=self.reader.cursors)

    @rule()
    def crash_before_the_commit(self) -> None:
        self.reader.source.read(500)
        self.restart()

    @invariant()
    def what_came_is_a_beginning_of_what_was_written(self) -> None:
        if hasattr(self, "reader"):
            assert self.reader.lines == self.written[: len(self.reader.lines)]

    def teardown(self) -> None:
        if hasattr(self, "reader"):
            self._write(len(self.pending))
            self.reader.drain()
            self.reader.source.close()
            assert self.reader.lines == self.written
        self._folder.cleanup()

    def _write(self, size: int) -> None:
        with self.log.open("ab") as file:
            file.write(self.pending[:size])
        self.pending = self.pending[size:]


TestFollowedLog = FollowedLog.TestCase
TestFollowedLog.settings = settings(max_examples=100, stateful_step_count=30)
