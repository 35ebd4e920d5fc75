"""The process that tries guesses answers each task, keeps to its bounds, and is begun anew where it ends."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from msgspec.json import decode, encode

from credwatch.kernel.errors import SourceError
from credwatch.policy.blocklist import Blocklist
from credwatch.posture.guessing import guesser as guessing
from credwatch.posture.guessing.guesser import Guesser
from credwatch.posture.guessing.worker import GuessAnswer, GuessTask, WorkerOrder, serve

USUAL = Blocklist((), lambda: {"passwords": ["123456", "password", "matkhau"]})
NEVER = hashlib.sha256(b"nobody says this").hexdigest()


def a_task(stored: str = NEVER, **changes: Any) -> GuessTask:
    facts = {"user": "tranlan", "words": ("tranlan", "tanphat"), "year": 2026, "seconds": 30.0} | changes
    return GuessTask(stored, **facts)


def sha256(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def answers(*tasks: GuessTask, share: float = 1.0) -> list[GuessAnswer]:
    """Have tasks answered by the loop of the process, in this one."""
    written = BytesIO()
    serve(WorkerOrder(share), USUAL, [encode(task) for task in tasks], written)
    return [decode(line, type=GuessAnswer) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize("word", ["123456", "matkhau", "tranlan", "Tanphat@2026", "tranlan123", "tanphattanphat"])
def test_what_a_guesser_says_first_is_guessed(word: str) -> None:
    """Usual passwords, and the account's own words with what people put behind them."""
    (answer,) = answers(a_task(sha256(word)))
    assert "guessed" == answer.outcome


def test_what_holds_and_what_cannot_be_tried_are_two_things() -> None:
    """Nobody is called safe whose password was not tried."""
    outcomes = [answer.outcome for answer in answers(a_task(), a_task("{SASL}lan"), a_task("$y$?$abc$def"))]
    assert ["held", "untried", "untried"] == outcomes


def test_a_dear_password_is_tried_for_its_time() -> None:
    """The budget ends the trial, counted in time of the processor."""
    (answer,) = answers(a_task(PasswordHasher(1, 16384, 1).hash("nobody says this"), seconds=0.05))
    assert "held" == answer.outcome
    assert 0 < answer.tried < 100


def test_no_limit_is_set_for_whoever_answers_in_its_own_process() -> None:
    """The kernel would end that process later, in the middle of something else."""
    before = resource.getrlimit(resource.RLIMIT_CPU)
    answers(a_task())
    assert before == resource.getrlimit(resource.RLIMIT_CPU)


def test_the_process_rests() -> None:
    """A tenth of a processor takes ten times as long."""
    begun, used = time.monotonic(), time.process_time()
    answers(*[a_task(PasswordHasher(1, 1024, 1).hash("x"), seconds=0.15)] * 2, share=0.25)
    assert time.monotonic() - begun >= 3 * (time.process_time() - used) - 0.3


def test_no_password_is_in_what_is_printed_of_a_task() -> None:
    """A log line or a trace that shows a task shows none of it."""
    assert "GuessTask(***)" == repr(a_task(sha256("matkhau")))


def test_a_process_of_its_own_tries(tmp_path: Path) -> None:
    """It has the shipped lists and the operator's own, is nicer than we are, and none of its arguments is a secret."""
    own = tmp_path / "own.txt"
    own.write_text("tenmien2019\n")
    with Guesser(1.0, [own]) as guesser:
        outcomes = [guesser.tried(a_task(sha256(word))) for word in ("tenmien2019", "password", "nobody says this")]
        assert ["guessed", "guessed", "held"] == [answer and answer.outcome for answer in outcomes]
        assert guesser._process is not None
        assert os.getpriority(os.PRIO_PROCESS, guesser._process.pid) >= 19
        arguments = Path(f"/proc/{guesser._process.pid}/cmdline").read_bytes()
    assert sha256("password").encode() not in arguments


def test_a_process_that_is_killed_is_begun_anew() -> None:
    """What it was trying counts as not tried, and the next one is."""
    with Guesser(1.0) as guesser:
        guesser.tried(a_task())
        assert guesser._process is not None
        guesser._process.kill()
        guesser._process.wait(30)
        first, second = guesser.tried(a_task(sha256("password"))), guesser.tried(a_task(sha256("password")))
    assert ("untried", "guessed") == (first and first.outcome, second and second.outcome)


_ENDING = {
    "at once": "pass",
    "with its input closed": "import os; os.close(0); import time; time.sleep(0.2)",
    "behind its order": "import sys; sys.stdin.readline()",
    "within its answer": "import sys; sys.stdin.readline(); sys.stdin.readline(); print('{', end='')",
}


@pytest.mark.parametrize("program", _ENDING.values(), ids=_ENDING)
def test_processes_that_end_one_after_the_other_are_an_error(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none can work, the accounts are not called untried one by one; whenever the process ends."""
    begin = guessing.Guesser._begin

    def begun_long_ago(guesser: Guesser) -> subprocess.Popen[bytes]:
        process = begin(guesser)
        time.sleep(0.15)
        return process

    monkeypatch.setattr(guessing.Guesser, "_begin", begun_long_ago)
    monkeypatch.setattr(guessing, "_COMMAND", (sys.executable, "-S", "-c", program))
    with Guesser(1.0) as guesser:
        assert ["untried"] * 4 == [answer and answer.outcome for answer in (guesser.tried(a_task()) for _ in range(4))]
        with pytest.raises(SourceError, match="again and again"):
            guesser.tried(a_task())


def test_whoever_waits_is_let_go_when_it_is_ended() -> None:
    """The daemon stops at once, however long a password still takes."""
    guesser, came = Guesser(0.01), list[GuessAnswer | None]()
    task = a_task(PasswordHasher(1, 1024, 1).hash("x"), seconds=600)
    thread = threading.Thread(target=lambda: came.append(guesser.tried(task)))
    thread.start()
    deadline = time.monotonic() + 60
    while guesser._process is None and time.monotonic() < deadline:
        time.sleep(0.01)
    guesser.end()
    thread.join(60)
    assert [None] == came


_PARENT = """
import sys, time
from credwatch.posture.guessing.guesser import Guesser
guesser = Guesser(1.0)
guesser._begin()
print(guesser._process.pid, flush=True)
time.sleep(600)
"""


def test_it_does_not_outlive_a_daemon_that_is_killed() -> None:
    """Nobody reads its answers any more: it ends too."""
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait(30)
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while _lives(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
