"""What it costs to read lines with every pack there is, beside the one pack that reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, at_most
from bench.forms import write_forms
from bench.programs import apart, talk

_ROUNDS = 5
_WHOSE = {"syslog": ("openssh",), "json": ("credwatch-app",)}


def parsing(folder: Path, lines: int) -> Iterator[Figure]:
    """Read the same logins with one pack and with all of them, as syslog and as JSON."""
    folder.mkdir()
    logs = apart(write_forms, folder, lines)
    for form, packs in _WHOSE.items():
        talk(f"parsing {lines:,} lines of {form} with one pack, and with all")
        one, every, count = apart(cost_of_packs, logs[form], packs)
        yield Figure(f"parsing {form} with its own pack, CPU time", one / lines * 1e6, "s/million")
        yield at_most(1.25, f"  with all {count} packs", every / one, "times")


def cost_of_packs(log: Path, packs: tuple[str, ...]) -> tuple[float, float, int]:
    """Measure the CPU seconds that a log takes with some packs and with all; to be called in a fresh process.

    The two take turns, and the quickest round of each counts. Returned behind them is how many packs there are.
    """
    from datetime import UTC, datetime

    from credwatch.kernel.pack import PackSet
    from credwatch.kernel.resources import shipped
    from credwatch.parse.lines import split_lines
    from credwatch.parse.parse import SourceFormat, parse
    from credwatch.rules.packs.packs import load_packs

    every = load_packs(shipped("rules") / "packs")
    some = PackSet(tuple(pack for pack in every.packs if pack.id in packs))
    lines = split_lines(log.read_bytes(), 0)
    source, reference = SourceFormat("bench"), datetime(2026, 3, 3, tzinfo=UTC)
    best = {some: float("inf"), every: float("inf")}
    for _ in range(_ROUNDS):
        for chosen in best:
            begin = time.process_time()
            parse(lines, packs=chosen, source=source, reference=reference)
            best[chosen] = min(best[chosen], time.process_time() - begin)
    return best[some], best[every], len(every.packs)
