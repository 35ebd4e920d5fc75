"""Measures credwatch beside fail2ban-regex and grep on one generated log, and holds it to its floors.

Run it with `make bench`. It ends with 0 whatever the figures are, and with 1 where something could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from loglines import write_log

FAIL2BAN_LINES = 100_000
GREP_PATTERNS = (
    "Failed [-/[:alnum:]]+ for (invalid user )?.* from [^ ]+ port [0-9]+",
    "Invalid user .* from [^ ]+ port [0-9]+",
    "Accepted [-/[:alnum:]]+ for .* from [^ ]+ port [0-9]+",
)
CREDWATCH = (sys.executable, "-m", "credwatch")
LOCALE = "C.UTF-8"
_MIB = 1024
_READY_SECONDS = 60
_SETTLE_SECONDS = 3
_PACKAGES = {"fail2ban-regex": "fail2ban", "grep": "grep"}


class CannotRun(Exception):
    """A program could not be run, or ended as it should not."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one process cost."""

    seconds: float
    """From its start to its end."""
    cpu_seconds: float
    """User and system time, of its children as well."""
    peak_mib: float
    """The most memory it held."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table."""

    name: str
    """What was measured."""
    value: float | None
    """The measure; None where it was left out."""
    unit: str
    """Its unit, or why it was left out."""
    floor: str = ""
    """What is asked of it; empty where nothing is."""
    holds: bool | None = None
    """Whether it is so."""


def main() -> int:
    """Generate the logs, measure, and print the table or JSON."""
    options = _options()
    try:
        with tempfile.TemporaryDirectory(prefix="credwatch-bench-") as folder:
            figures = list(_figures(Path(folder), options))
    except CannotRun as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"machine": _machine(), "figures": [asdict(figure) for figure in figures]}, indent=2))
    else:
        _print(figures)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="lines per second, beside fail2ban-regex and grep")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the log (%(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the median counts (%(default)s)")
    parser.add_argument("--idle-seconds", type=float, default=20.0, help="how long the idle daemon is watched")
    parser.add_argument("--json", action="store_true", help="figures as JSON on standard output")
    return parser.parse_args()


def _figures(folder: Path, options: argparse.Namespace) -> Iterator[Figure]:
    lines, repeat = options.lines, options.repeat
    attack, calm, double = (folder / name for name in ("attack.log", "calm.log", "double.log"))
    _talk(f"writing {lines:,} lines with 75 % failures, as many with 5 %, and {2 * lines:,} with 75 %")
    write_log(attack, lines, failures=0.75)
    write_log(calm, lines, failures=0.05)
    write_log(double, 2 * lines, failures=0.75)

    replay = _measured("credwatch replay", (*CREDWATCH, "replay", "--json", str(attack)), repeat)
    speed = lines / replay.seconds
    yield Figure("credwatch replay, all shipped rules", speed, "lines/s", "≥ 300,000", speed >= 300_000)
    yield Figure("  its CPU time per million lines", replay.cpu_seconds / lines * 1e6, "s")
    quiet = _measured("credwatch replay, calm log", (*CREDWATCH, "replay", "--json", str(calm)), repeat)
    yield Figure("credwatch replay, calm log", lines / quiet.seconds, "lines/s")
    yield from _beside_fail2ban(folder, attack, lines, repeat, speed)
    yield from _beside_grep(attack, lines, repeat, speed)
    twice = _measured("credwatch replay, twice the lines", (*CREDWATCH, "replay", "--json", str(double)), 1)
    yield Figure("peak memory", replay.peak_mib, "MiB", "< 500", replay.peak_mib < 500)
    yield Figure("peak memory, twice the lines", twice.peak_mib, "MiB", "< 500", twice.peak_mib < 500)
    growth = twice.peak_mib / replay.peak_mib
    yield Figure("  its growth", growth, "times", "≤ 1.15", growth <= 1.15)
    yield from _idle(folder / "idle", options.idle_seconds)


def _beside_fail2ban(folder: Path, log: Path, lines: int, repeat: int, speed: float) -> Iterator[Figure]:
    name = "fail2ban-regex, sshd filter"
    program = shutil.which("fail2ban-regex")
    if program is None:
        yield _missing(name, "fail2ban-regex")
        return
    few = min(lines, FAIL2BAN_LINES)
    head = folder / "head.log"
    with log.open(encoding="ascii") as whole, head.open("w", encoding="ascii") as part:
        part.writelines(line for _, line in zip(range(few), whole, strict=False))
    other = few / _measured(name, (program, str(head), "sshd"), repeat).seconds
    yield Figure(f"{name}, {few:,} lines", other, "lines/s")
    yield Figure("  credwatch is faster by", speed / other, "times", "≥ 10", speed / other >= 10)


def _beside_grep(log: Path, lines: int, repeat: int, speed: float) -> Iterator[Figure]:
    program = shutil.which("grep")
    if program is None:
        yield _missing("grep -cE, three patterns", "grep")
        return
    patterns = [part for pattern in GREP_PATTERNS for part in ("-e", pattern)]
    other = lines / _measured("grep", (program, "-cE", *patterns, str(log)), repeat).seconds
    yield Figure("grep -cE, three patterns", other, "lines/s")
    yield Figure("  credwatch takes its time", other / speed, "times")


def _idle(folder: Path, seconds: float) -> Iterator[Figure]:
    """Start the daemon on an empty log and watch what it costs while nothing happens."""
    _talk("credwatch run, idle")
    settings = _furnish(folder)
    with (folder / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen([*CREDWATCH, "run", "--config", str(settings)], stdout=log, stderr=log)
    try:
        _await_ready(daemon, folder / "daemon.log")
        time.sleep(min(_SETTLE_SECONDS, seconds))
        before, began = _cpu_seconds(daemon.pid), time.monotonic()
        time.sleep(seconds)
        share = (_cpu_seconds(daemon.pid) - before) / (time.monotonic() - began) * 100
        memory = _resident_mib(daemon.pid)
    finally:
        daemon.terminate()
        daemon.wait(30)
    yield Figure("daemon, idle: memory", memory, "MiB", "< 150", memory < 150)
    yield Figure("daemon, idle: share of one core", share, "%", "< 1", share < 1)


def _furnish(folder: Path) -> Path:
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
        [operators]
        addresses = ["operators@example.com"]
        [outbox.email]
        host = "127.0.0.1"
        [metrics]
        port = 0
        [gate]
        socket = "{folder}/gate.sock"
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


def _cpu_seconds(pid: int) -> float:
    """Read a process's user and system time so far (proc(5), /proc/pid/stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / _MIB for line in status.splitlines() if line.startswith("VmRSS"))


def _measured(name: str, command: tuple[str, ...], repeat: int) -> Run:
    """Run a command several times and return the median of each cost."""
    _talk(f"{name}, {repeat} times" if repeat > 1 else name)
    runs = [_run(command) for _ in range(repeat)]
    return Run(
        seconds=median(run.seconds for run in runs),
        cpu_seconds=median(run.cpu_seconds for run in runs),
        peak_mib=median(run.peak_mib for run in runs),
    )


def _run(command: tuple[str, ...]) -> Run:
    # Not /dev/null: grep would look no further than the first match.
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as answer:
        began = time.perf_counter()
        environment = os.environ | {"LC_ALL": LOCALE}
        process = subprocess.Popen(command, stdout=answer, stderr=said, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for: Popen need not
        if process.returncode:
            said.seek(0)
            words = said.read().decode("utf-8", "replace").splitlines()[-20:]
            raise CannotRun("\n".join([f"{' '.join(command)} ended with {process.returncode}", *words]))
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _MIB)


def _missing(name: str, program: str) -> Figure:
    return Figure(name, None, f"left out: needs {program} (Debian package {_PACKAGES[program]})")


def _machine() -> dict[str, object]:
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "locale": LOCALE}


def _print(figures: list[Figure]) -> None:
    machine = ", ".join(f"{name} {value}" for name, value in _machine().items())
    print(f"\n{'what':<42} {'measured':>12} {'unit':<8} {'floor':<10} holds\n{'-' * 82}")
    for figure in figures:
        held = {True: "yes", False: "NO", None: ""}[figure.holds]
        print(f"{figure.name:<42} {_shown(figure.value):>12} {figure.unit:<8} {figure.floor:<10} {held}".rstrip())
    print(f"\n{machine}")


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def _talk(words: str) -> None:
    print(f"… {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
