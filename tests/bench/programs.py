"""Runs what is measured: commands with what they cost, and functions in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import ParamSpec, TypeVar

from msgspec import Struct

P = ParamSpec("P")
T = TypeVar("T")

CREDWATCH = (sys.executable, "-m", "credwatch")
LOCALE = "C.UTF-8"
KIB_IN_MIB = 1024


class CannotRun(Exception):
    """A program could not be run, or ended as it should not."""


class Run(Struct, frozen=True):
    """What one process cost."""

    seconds: float
    """From its start to its end."""
    cpu_seconds: float
    """User and system time, of its children as well."""
    peak_mib: float
    """The most memory it held."""


def measured(name: str, command: tuple[str, ...], repeat: int, *, stdin: Path | None = None) -> Run:
    """Run a command several times and return the median of each cost; raises CannotRun where it fails."""
    talk(f"{name}, {repeat} times" if repeat > 1 else name)
    runs = [_run(command, stdin) for _ in range(repeat)]
    return Run(
        seconds=median(run.seconds for run in runs),
        cpu_seconds=median(run.cpu_seconds for run in runs),
        peak_mib=median(run.peak_mib for run in runs),
    )


def apart(act: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Call a function in a fresh process and return what it returns; raises CannotRun where the process dies.

    What this process has ever held counts as the peak memory of the commands it starts (the kernel carries
    `ru_maxrss` across exec), so whatever needs frames is done elsewhere.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            return process.submit(act, *args, **named).result()
        except BrokenProcessPool as error:
            raise CannotRun(f"the process of {act.__name__} died") from error


def talk(words: str) -> None:
    """Say on standard error what is under way."""
    print(f"… {words}", file=sys.stderr, flush=True)


def _run(command: tuple[str, ...], stdin: Path | None) -> Run:
    # Not /dev/null: grep would look no further than the first match.
    with (
        tempfile.TemporaryFile() as said,
        tempfile.TemporaryFile() as answer,
        Path(stdin or os.devnull).open("rb") as given,
    ):
        began = time.perf_counter()
        environment = os.environ | {"LC_ALL": LOCALE}
        process = subprocess.Popen(command, stdin=given, stdout=answer, stderr=said, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for: Popen need not
        if process.returncode:
            said.seek(0)
            words = said.read().decode("utf-8", "replace").splitlines()[-20:]
            raise CannotRun("\n".join([f"{' '.join(command)} ended with {process.returncode}", *words]))
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / KIB_IN_MIB)
