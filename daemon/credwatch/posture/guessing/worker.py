"""The process that tries guesses: nice, within its share of a processor, one stored password after the other.

It reads one JSON object a line and answers each with one. Stored passwords come over a pipe, and are let go with the
answer; nothing is written anywhere, and no core is dumped. A hash that takes too long or too much has the process ended
by its own limits, and whoever asked sees that no answer comes.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal

from msgspec import Struct
from msgspec.json import decode, encode

from credwatch.policy.blocklist import Blocklist, load_blocklist
from credwatch.posture.guessing.guesses import guesses
from credwatch.posture.guessing.trying import CannotTryError, trial_of

GuessOutcome = Literal["guessed", "held", "untried"]
"""Whether a guess was right, none of them was, or nobody here can try."""
_NICEST = 19
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
_MOST_MEMORY = 1024 * 1024 * 1024
_CHUNK_SECONDS = 0.1
"""After so much work the process rests, for as long as its share asks."""
_GRACE_SECONDS = 60
"""A single word may take so much longer than all were given before the process is ended."""


class WorkerOrder(Struct, frozen=True):
    """How the process works; its first line."""

    share: float
    """Which part of a processor it may use."""
    lists: tuple[str, ...] = ()
    """Files with further passwords that are usual here."""


class GuessTask(Struct, frozen=True):
    """One stored password."""

    stored: str
    """As its source has it."""
    user: str
    """The account's name."""
    words: tuple[str, ...]
    """What a guesser would try for it first."""
    year: int
    """The year that it is."""
    seconds: float
    """How long may be tried, in time of the processor."""

    def __repr__(self) -> str:
        return "GuessTask(***)"


class GuessAnswer(Struct, frozen=True):
    """What came of it."""

    outcome: GuessOutcome
    """Whether it was guessed; never with what."""
    tried: int
    """How many guesses were tried."""
    seconds: float
    """How long that took, in time of the processor."""


def main() -> None:
    """Serve standard input until it ends."""
    _settle_down()
    order = decode(sys.stdin.buffer.readline(), type=WorkerOrder)
    serve(order, load_blocklist(map(Path, order.lists)), sys.stdin.buffer, sys.stdout.buffer, _limit)


def serve(
    order: WorkerOrder,
    blocklist: Blocklist,
    lines: Iterable[bytes],
    answers: BinaryIO,
    limit: Callable[[float], None] = lambda _until: None,
) -> None:
    """Answer each line; `limit` has this process ended where it uses much more time of the processor than that."""
    pace = _Pace(order.share)
    for line in lines:
        task = decode(line, type=GuessTask)
        limit(time.process_time() + task.seconds)
        answers.write(encode(_answer(task, blocklist, pace)) + b"\n")
        answers.flush()


class _Pace:
    """Has the process rest between pieces of work, so that it keeps to its share."""

    def __init__(self, share: float) -> None:
        self._rest = 1 / share - 1
        self._begun = time.process_time()

    def step(self) -> None:
        """Rest where a piece of work is done."""
        used = time.process_time() - self._begun
        if used >= _CHUNK_SECONDS:
            time.sleep(used * self._rest)
            self._begun = time.process_time()


def _answer(task: GuessTask, blocklist: Blocklist, pace: _Pace) -> GuessAnswer:
    begun, tried = time.process_time(), 0
    outcome: GuessOutcome = "untried"
    trial = trial_of(task.stored, task.user)
    if trial is not None:
        outcome = "held"
        try:
            for guess in guesses(task.words, blocklist.usual(), task.year):
                tried += 1
                if trial(guess):
                    outcome = "guessed"
                    break
                if time.process_time() - begun >= task.seconds:
                    break
                pace.step()
        except (CannotTryError, MemoryError, UnicodeError, ValueError):
            outcome = "untried"
    return GuessAnswer(outcome, tried, time.process_time() - begun)


def _settle_down() -> None:
    """Give way to everything else on the machine; where the unit forbids that, the share alone holds."""
    with suppress(OSError):
        os.nice(_NICEST)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, _MOST_MEMORY)):
        with suppress(OSError, ValueError):
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def _limit(until: float) -> None:
    """Have the kernel end the process once it has used so much more than it was given."""
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (int(until) + _GRACE_SECONDS, most))


if __name__ == "__main__":
    main()
