"""What each line of a piece of a log is read as: the answers of `credwatch parse`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import polars as pl

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.pack import PackSet
from credwatch.parse.advice import OWN_PACK, advice_on
from credwatch.parse.containers import lines_in
from credwatch.parse.parse import SourceFormat, parse


def answers(
    piece: bytes, first: int, packs: PackSet, source: SourceFormat, reference: datetime, before: bytes = b""
) -> list[dict[str, Any]]:
    """Read a piece of a log and answer each of its lines, in order, the first of them numbered `first`.

    `before` are the lines before the piece, where one of its lines may stand for one of them (`parse/repeats.py`).
    An answer has `line`, `status` (event, skipped or unparsed), `pack`, and `event` or `reason`; where values could
    not be read `unread` (`field`, `reason`), and for an object that was written for credwatch, or that nothing reads,
    `advice`: what is wrong with which key. JSON values only.
    """
    lines = lines_in(before + piece, 0)
    parsed = parse(lines, packs=packs, source=source, reference=reference).without(_behind(before))
    ends = lines["position"].filter(lines["position"] > len(before))
    numbers = dict(zip(ends, range(first, first + len(ends)), strict=True))
    rows = [
        *map(_event, parsed.events.to_dicts()),
        *map(_skipped, parsed.skips.to_dicts()),
        *map(_unparsed, parsed.unparsed.to_dicts()),
    ]
    by_position = {int(answer["line"]): answer for answer in rows}
    for position, field, reason in parsed.unread.iter_rows():
        by_position[position].setdefault("unread", []).append({"field": field, "reason": reason})
    texts = dict(lines.select("position", "line").iter_rows())
    for position, answer in by_position.items():
        is_ours = answer["status"] == "unparsed" or answer["pack"] == OWN_PACK
        advice = advice_on(texts[position], packs) if is_ours else ()
        if advice:
            answer["advice"] = list(advice)
    return [{**by_position[position], "line": numbers[position]} for position in sorted(by_position)]


def _behind(before: bytes) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: frame.filter(pl.col("position") > len(before)) if frame.height else frame


def _event(row: dict[str, Any]) -> dict[str, Any]:
    number = row.pop("position")
    event = {name: _shown(value) for name, value in row.items() if value is not None}
    return {"line": number, "status": "event", "pack": row["event.dataset"], "event": event}


def _skipped(row: dict[str, Any]) -> dict[str, Any]:
    return {"line": row["position"], "status": "skipped", "pack": row["pack"]}


def _unparsed(row: dict[str, Any]) -> dict[str, Any]:
    return {"line": row["position"], "status": "unparsed", "pack": None, "reason": row["reason"]}


def _shown(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value
