"""Measures credwatch, beside fail2ban-regex and grep, on generated logs, and holds it to its floors.

Run it with `make bench`. It ends with 0 whatever the figures are, and with 1 where something could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import asdict

from bench.archive import archive
from bench.cliffs import cliffs
from bench.corpus import corpus
from bench.daemon import idle
from bench.figures import Figure, print_table
from bench.growth import engine, windows
from bench.live import live
from bench.loglines import write_log
from bench.parsing import parsing
from bench.programs import LOCALE, CannotRun, apart, talk
from bench.speed import speed
from bench.starting import starting
from bench.stream import stream


def main() -> int:
    """Generate the logs, measure, and print the table or JSON."""
    options = _options()
    try:
        with tempfile.TemporaryDirectory(prefix="cw-") as folder:
            figures = list(_figures(Path(folder), options))
    except CannotRun as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "locale": LOCALE}
    if options.json:
        print(json.dumps({"machine": machine, "figures": [asdict(figure) for figure in figures]}, indent=2))
    else:
        print_table(figures, machine)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="what credwatch costs, and whether its floors hold")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the logs (%(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the median counts (%(default)s)")
    parser.add_argument("--idle-seconds", type=float, default=20.0, help="how long the idle daemon is watched")
    parser.add_argument("--live-seconds", type=float, default=60.0, help="how long lines are written to a daemon")
    parser.add_argument("--archived", type=int, default=2_000_000, help="archived events to search in (%(default)s)")
    parser.add_argument("--copies", type=int, default=9, help="copies of all rules beside themselves (%(default)s)")
    parser.add_argument("--json", action="store_true", help="figures as JSON on standard output")
    return parser.parse_args()


def _figures(folder: Path, options: argparse.Namespace) -> Iterator[Figure]:
    logs = _logs(folder, options.lines)
    yield from speed(folder, logs, options.lines, options.repeat)
    yield from engine(folder, logs["attack"], options.copies)
    yield from archive(folder / "archive", logs["attack"], options.archived, options.repeat)
    for log in logs.values():
        log.unlink()
    yield from parsing(folder / "parsing", options.lines // 4)
    yield from cliffs(folder / "cliffs", options.lines, options.repeat)
    yield from windows(folder, options.lines)
    yield from corpus(folder / "corpus", options.lines, options.repeat)
    yield from starting(folder / "starting", options.lines // 3, options.repeat)
    yield from stream(folder / "stream", options.lines, min(options.live_seconds, 20.0))
    yield from live(folder / "live", options.live_seconds)
    yield from idle(folder / "idle", options.idle_seconds)


def _logs(folder: Path, lines: int) -> dict[str, Path]:
    talk(f"writing {lines:,} lines with 75 % failures, as many with 5 %, and {2 * lines:,} with 75 %")
    logs = {name: folder / f"{name}.log" for name in ("attack", "calm", "double")}
    apart(write_log, logs["attack"], lines, failures=0.75)
    apart(write_log, logs["calm"], lines, failures=0.05)
    apart(write_log, logs["double"], 2 * lines, failures=0.75)
    return logs


if __name__ == "__main__":
    sys.exit(main())
