"""How the cost of a line, and memory, grow with what is in the windows and with the number of rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from bench.figures import Figure, at_least, at_most, below
from bench.loglines import Round, write_keys
from bench.programs import apart, talk
from bench.rulecopies import write_copies
from bench.steps import Step, seconds_a_line, watched

_FEW_KEYS = 1000
_FAST, _SLOW = 10_000, 1_000_000 / 3600
"""Lines a second of event time.

As fast as that a million addresses are in every window of two minutes and more at once; then the same ones come again
over an hour, and what grows afterwards is not what the windows must hold.
"""


def engine(folder: Path, attack: Path, copies: int) -> Iterator[Figure]:
    """Measure the shipped rules on the attack log: how many, what their transactions cost, and with copies."""
    talk("credwatch replay, watched from inside")
    shipped = apart(watched, attack)
    yield at_least(40, "correlations on", shipped.correlations, "rules")
    first, last = shipped.first, shipped.last
    elapsed = last.seconds - first.seconds
    share = (last.window_seconds - first.window_seconds) / elapsed
    yield at_most(0.10, "share of window commit in the time", share, "")
    beside = (last.commit_seconds - first.commit_seconds) / elapsed
    yield Figure("  share of whole transactions, which run beside the rest", beside, "")
    talk(f"credwatch replay, {1 + copies} times the rules")
    many = apart(watched, attack, _with_copies(folder, copies))
    yield Figure(f"correlations on, with {copies} copies of each", many.correlations, "rules")
    growth = seconds_a_line(many.first, many.last) / seconds_a_line(first, last)
    yield at_most(4, "  time per line, beside the shipped rules alone", growth, "times")


def windows(folder: Path, keys: int) -> Iterator[Figure]:
    """Measure a line with so many distinct addresses in the windows beside one with a thousand, and the memory."""
    many, few = _with_keys(folder, keys, keys), _with_keys(folder, keys, min(_FEW_KEYS, keys // 2))
    growth = seconds_a_line(many.full, many.again) / seconds_a_line(few.full, few.again)
    yield Figure(
        f"lines/s with {keys:,} addresses in the windows", 1 / seconds_a_line(many.full, many.again), "lines/s"
    )
    yield at_most(1.3, "  time per line, beside a thousand addresses", growth, "times")
    yield below(700, f"peak memory, {keys:,} active keys", many.full.peak_mib, "MiB")
    again = many.again.peak_mib / many.full.peak_mib
    yield at_most(1.05, "  its growth with as many lines again", again, "times")


class _Keys(Struct, frozen=True):
    """A replay of failed logins from many addresses."""

    full: Step
    """When the windows held them all."""
    again: Step
    """When each had come once more."""


def _with_keys(folder: Path, lines: int, keys: int) -> _Keys:
    talk(f"credwatch replay, {2 * lines:,} lines from {keys:,} addresses")
    log, settings = folder / "keys.log", folder / "keys.toml"
    # Strangers count as one customer: without this its share would be full long before.
    settings.write_text(f"[detection]\nwindow_rows_per_customer = {2 * lines}\n", encoding="utf-8")
    apart(write_keys, log, (Round(lines, lines / _FAST), Round(lines, lines / _SLOW)), keys=keys)
    replay = apart(watched, log, settings)
    log.unlink()
    return _Keys(replay.at(lines), replay.last)


def _with_copies(folder: Path, copies: int) -> Path:
    rules, settings = folder / "copies", folder / "copies.toml"
    apart(write_copies, rules, copies)
    settings.write_text(f'[daemon]\nrules_directories = ["{rules}"]\n', encoding="utf-8")
    return settings
