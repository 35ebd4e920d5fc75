"""What costs more than it should, where somebody else chooses what the lines are: CPU time beside plain syslog."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.daemon import furnish, running
from bench.figures import Figure, at_least, at_most
from bench.forms import write_forms, write_small
from bench.programs import CREDWATCH, Run, apart, measured, talk

_FILES, _LINES_EACH = 1000, 10
_SETTLE_SECONDS = 3.0
_QUIET_SHARE = 0.2
"""A daemon that uses no more of a core than this has read what there is; it may still try to send what came of it."""
_PATIENCE_SECONDS = 120.0


def cliffs(folder: Path, lines: int, repeat: int) -> Iterator[Figure]:
    """Measure each form of the same logins, many small files, single events against all rules, and a restart."""
    folder.mkdir()
    talk(f"writing {lines:,} logins in five forms")
    logs = apart(write_forms, folder, lines)
    plain = _replay("as syslog", repeat, logs["syslog"])
    yield Figure("the same logins as syslog, CPU time", plain.cpu_seconds / lines * 1e6, "s/million")
    for form, ceiling, name in (
        ("json", 1.5, "  as JSON lines"),
        ("secret", 1.5, "  with names that look like secrets"),
        ("unparsed", 1.0, "  as lines that nothing reads"),
    ):
        yield at_most(ceiling, name, _replay(form, repeat, logs[form]).cpu_seconds / plain.cpu_seconds, "times")
    yield from _small(folder, repeat)
    yield from _match(logs["events"], lines, repeat)
    yield from _restart(folder / "restart", logs["syslog"])


def _replay(name: str, repeat: int, *logs: Path) -> Run:
    return measured(f"credwatch replay, {name}", (*CREDWATCH, "replay", "--json", *map(str, logs)), repeat)


def _small(folder: Path, repeat: int) -> Iterator[Figure]:
    logs = write_small(folder / "small", _FILES, _LINES_EACH)
    whole = folder / "whole.log"
    whole.write_bytes(b"".join(log.read_bytes() for log in logs))
    many = _replay(f"{_FILES:,} files of {_LINES_EACH} lines", repeat, *logs)
    one = _replay("the same lines in one file", repeat, whole)
    yield at_most(
        4, f"{_FILES:,} files of {_LINES_EACH} lines, beside one file", many.cpu_seconds / one.cpu_seconds, "times"
    )


def _match(events: Path, count: int, repeat: int) -> Iterator[Figure]:
    """Hold events against the rules one by one; its start does not count."""
    command = (*CREDWATCH, "rules", "match", "--correlate", "--json")
    nothing = events.with_name("nothing.json")
    nothing.touch()
    start = measured("credwatch rules match, no event", command, repeat, stdin=nothing)
    whole = measured("credwatch rules match --correlate", command, repeat, stdin=events)
    rate = count / max(whole.cpu_seconds - start.cpu_seconds, 0.001)
    yield at_least(20_000, "rules match --correlate, CPU time", rate, "events/s")


def _restart(folder: Path, log: Path) -> Iterator[Figure]:
    """Have a daemon read a log, and start it again."""
    talk("credwatch run, before and after a restart")
    settings = furnish(folder, read_from="start")
    (folder / "auth.log").write_bytes(log.read_bytes())
    held = []
    for _ in range(2):
        with running(settings) as daemon:
            _await_quiet(daemon.cpu_seconds)
            held.append(daemon.resident_mib())
    yield Figure("daemon, a log read: memory", held[0], "MiB")
    yield at_most(1.05, "  after a restart", held[1] / held[0], "times")


def _await_quiet(cpu_seconds: Callable[[], float]) -> None:
    """Wait until a process does next to nothing for some seconds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    before = cpu_seconds()
    while time.monotonic() < deadline:
        time.sleep(_SETTLE_SECONDS)
        now = cpu_seconds()
        if now - before < _QUIET_SHARE * _SETTLE_SECONDS:
            return
        before = now
