"""Lines per second of a whole replay, beside fail2ban-regex and grep, and the memory it needs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.figures import Figure, at_least, at_most, below, left_out
from bench.programs import CREDWATCH, Run, measured

FAIL2BAN_LINES = 100_000
GREP_PATTERNS = (
    "Failed [-/[:alnum:]]+ for (invalid user )?.* from [^ ]+ port [0-9]+",
    "Invalid user .* from [^ ]+ port [0-9]+",
    "Accepted [-/[:alnum:]]+ for .* from [^ ]+ port [0-9]+",
)
_SHORTEST = 0.001


def speed(folder: Path, logs: dict[str, Path], lines: int, repeat: int) -> Iterator[Figure]:
    """Measure whole processes on the logs `attack`, `calm`, and `double`, which is twice the first.

    Lines per second do not count the start, which is that of a run on an empty log, for fail2ban-regex neither.
    """
    empty = folder / "empty.log"
    empty.touch()
    start = measured("credwatch replay, empty log", _replay(empty), repeat)
    yield Figure("credwatch replay, its start", start.seconds, "s")
    attack = measured("credwatch replay", _replay(logs["attack"]), repeat)
    rate = lines / _beyond(start, attack)
    yield at_least(500_000, "credwatch replay, all shipped rules", rate, "lines/s")
    yield Figure("  the same, its start counted", lines / attack.seconds, "lines/s")
    yield Figure("  its CPU time per million lines", attack.cpu_seconds / lines * 1e6, "s")
    calm = measured("credwatch replay, calm log", _replay(logs["calm"]), repeat)
    yield at_least(1_000_000, "credwatch replay, calm log", lines / _beyond(start, calm), "lines/s")
    yield Figure("  the same, its start counted", lines / calm.seconds, "lines/s")
    yield from _beside_fail2ban(folder, logs["attack"], min(lines, FAIL2BAN_LINES), repeat, rate)
    yield from _beside_grep(logs["attack"], lines, repeat, attack)
    yield from _memory(attack, measured("credwatch replay, twice the lines", _replay(logs["double"]), 1))


def _replay(log: Path) -> tuple[str, ...]:
    return (*CREDWATCH, "replay", "--json", str(log))


def _beyond(start: Run, whole: Run) -> float:
    return max(whole.seconds - start.seconds, _SHORTEST)


def _beside_fail2ban(folder: Path, log: Path, lines: int, repeat: int, rate: float) -> Iterator[Figure]:
    name = "fail2ban-regex, sshd filter"
    program = shutil.which("fail2ban-regex")
    if program is None:
        yield left_out(name, "fail2ban-regex", "fail2ban")
        return
    head = folder / "head.log"
    with log.open(encoding="ascii") as whole, head.open("w", encoding="ascii") as part:
        part.writelines(islice(whole, lines))
    start = measured(f"{name}, empty log", (program, str(folder / "empty.log"), "sshd"), repeat)
    other = lines / _beyond(start, measured(name, (program, str(head), "sshd"), repeat))
    yield Figure(f"{name}, {lines:,} lines", other, "lines/s")
    yield at_least(20, "  credwatch is faster by", rate / other, "times")


def _beside_grep(log: Path, lines: int, repeat: int, replay: Run) -> Iterator[Figure]:
    program = shutil.which("grep")
    if program is None:
        yield left_out("grep -cE, three patterns", "grep", "grep")
        return
    patterns = [part for pattern in GREP_PATTERNS for part in ("-e", pattern)]
    other = measured("grep", (program, "-cE", *patterns, str(log)), repeat)
    yield Figure("grep -cE, three patterns", lines / other.seconds, "lines/s")
    yield at_most(2.6, "  credwatch, its start counted, takes its time", replay.seconds / other.seconds, "times")


def _memory(once: Run, twice: Run) -> Iterator[Figure]:
    yield below(500, "peak memory", once.peak_mib, "MiB")
    yield below(500, "peak memory, twice the lines", twice.peak_mib, "MiB")
    yield at_most(1.15, "  its growth", twice.peak_mib / once.peak_mib, "times")
