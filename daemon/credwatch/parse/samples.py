"""Holds packs to their own samples: each line must be read by its pack, and give what the sample says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.errors import Problem
from credwatch.kernel.pack import Pack, PackSet, Pattern, Sample
from credwatch.kernel.resources import is_shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.objects.objects import claimants, object_readers
from credwatch.parse.own_headers import read_header
from credwatch.parse.parse import Parsed, SourceFormat, parse

REFERENCE = datetime(2026, 1, 1, tzinfo=UTC)
"""The moment at which samples are read: stamps without a year lie in 2025."""


def sample_problems(packs: PackSet) -> list[Problem]:
    """Check packs among which one is the operator's; what is shipped together a release has checked."""
    return [] if all(is_shipped(pack.where) for pack in packs.packs) else check_packs(packs)


def check_packs(packs: PackSet) -> list[Problem]:
    """Read every sample with all packs together, in UTC at `REFERENCE`, and return what is not as it should be.

    A sample that another pack reads, or could read, is a problem of both, and names both.
    """
    cases = [(pack, pattern, sample) for pack in packs.packs for pattern in pack.patterns for sample in pattern.samples]
    lines = _lines(sample.line for _, _, sample in cases)
    twice = list(_claimed_twice(packs, pl.DataFrame([lines["position"].cast(pl.UInt32).alias("row"), lines["line"]])))
    outcomes = _outcomes(parse(lines, packs=packs, source=SourceFormat("samples"), reference=REFERENCE))
    return twice + [
        problem
        for number, (pack, pattern, sample) in enumerate(cases)
        for problem in _problems(pack, pattern, sample, outcomes[number])
    ]


def _claimed_twice(packs: PackSet, lines: pl.DataFrame) -> Iterator[Problem]:
    """Name the packs of which more than one takes a line for its own, with the line that shows it."""
    objects = lines.filter(pl.col("line").str.starts_with("{")).rename({"line": "json"})
    claims = [claimants(objects, object_readers(packs, 0)), *_begun(packs, lines)]
    shared = pl.concat(claims).unique(maintain_order=True).group_by("row", maintain_order=True).all()
    for row, (first, *others) in shared.filter(pl.col("pack").list.len() > 1).select("row", "pack").rows():
        (line,) = lines.filter(pl.col("row") == row)["line"]
        one, two = (pack for pack in packs.packs if pack.id in {first, others[0]})
        yield Problem(two.where, f"claims the same line as {one.where}: {line!r}", "narrow `match` or headers of one")


def _begun(packs: PackSet, lines: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for pack in packs.packs:
        for header in pack.headers:
            able = lines.filter(pl.col("line").str.contains_any(list(header.having)))
            yield read_header(able, header).select("row", pl.lit(pack.id).alias("pack"))


def _lines(samples: Iterable[str]) -> pl.DataFrame:
    """Make lines of samples, each of its first line, with its number as position."""
    data = b"".join(sample.partition("\n")[0].encode() + b"\n" for sample in samples)
    return split_lines(data, 0).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("position"))


def _outcomes(parsed: Parsed) -> dict[int, dict[str, Any]]:
    outcomes = {row["position"]: row for row in parsed.events.to_dicts()}
    outcomes |= {row["position"]: {"skipped by": row["pack"]} for row in parsed.skips.to_dicts()}
    return outcomes | {row["position"]: {"unparsed": row["reason"]} for row in parsed.unparsed.to_dicts()}


def _problems(pack: Pack, pattern: Pattern, sample: Sample, outcome: dict[str, Any]) -> Iterator[Problem]:
    where = f"{pattern.where}: sample {sample.line!r}"
    reader = outcome.get("event.dataset", outcome.get("skipped by"))
    if "unparsed" in outcome:
        yield Problem(where, f"is read by no pattern: {outcome['unparsed']}", "mend the pattern or the sample")
    elif reader != pack.id:
        yield Problem(where, f"is read by pack {reader!r}, not by {pack.id!r}", "narrow the prefix of one of them")
    elif pattern.skip is not ("skipped by" in outcome):
        state = "is an event" if pattern.skip else "is skipped"
        yield Problem(where, f"{state} by another pattern of the pack", "put the narrower pattern first")
    elif not pattern.skip:
        yield from _differences(where, pattern, sample, outcome)


def _differences(where: str, pattern: Pattern, sample: Sample, event: dict[str, Any]) -> Iterator[Problem]:
    expected = {**(pattern.constants or {}), **sample.gives}
    captured = set((pattern.groups or {}).values())
    for name, value in expected.items():
        actual = event.get(name)
        actual = rfc3339(actual) if isinstance(actual, datetime) else actual
        if actual != value and (name in sample.gives or name not in captured):
            yield Problem(where, f"{name}: expected {value!r}, found {actual!r}", "mend the pattern or the sample")
