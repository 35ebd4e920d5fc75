"""Has guesses tried by a process of its own, and begins another one where that ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.json import decode, encode

from credwatch.kernel.errors import SourceError
from credwatch.posture.guessing.worker import GuessAnswer, GuessTask, WorkerOrder

_COMMAND = (sys.executable, "-P", "-m", "credwatch.posture.guessing.worker")
_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "PYTHONPATH")
_END_SECONDS = 10
_MOST_DEATHS = 5
_UNTRIED = GuessAnswer("untried", 0, 0.0)


class Guesser:
    """Tries one stored password at a time; a context manager. `end` may be called from another thread."""

    def __init__(self, share: float, lists: Sequence[Path] = ()) -> None:
        self._order = WorkerOrder(share, tuple(map(str, lists)))
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0
        self.has_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.end()

    def tried(self, task: GuessTask) -> GuessAnswer | None:
        """Try a stored password; None once `end` was called. A process that was ended has not tried it.

        Raises SourceError where one after the other ends.
        """
        process, lines = self._process, [encode(task)]
        if process is None:
            process, lines = self._begin(), [encode(self._order), *lines]
        try:
            line = _asked(process, lines)
        except OSError:  # it ended before it had read all of that
            line = b""
        if self.has_ended:
            return None
        if not line.endswith(b"\n"):
            self._let_go(process)
            return _UNTRIED
        self._deaths = 0
        return decode(line, type=GuessAnswer)

    def end(self) -> None:
        """End the process, whatever it does."""
        self.has_ended = True
        if self._process is not None:
            self._process.kill()
            self._process.wait(_END_SECONDS)

    def _begin(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603  # our own program, by its full path
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        if self.has_ended:
            self._process.kill()
        return self._process

    def _let_go(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait(_END_SECONDS)
        self._deaths += 1
        if self._deaths == _MOST_DEATHS:
            hint = "run it by hand: credwatch posture audit --run"
            raise SourceError("the process that tries passwords ends again and again", hint=hint)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue
        self._process = None


def _asked(process: subprocess.Popen[bytes], lines: Sequence[bytes]) -> bytes:
    """Write lines to the process, and return its answer; raises OSError where it takes them no more."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"".join(line + b"\n" for line in lines))
    process.stdin.flush()
    return process.stdout.readline()
