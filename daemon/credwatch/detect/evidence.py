"""Detections built from the rows and events that completed them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from credwatch.detect.correlate import Openings, Watch
from credwatch.detect.names import Names
from credwatch.detect.streams import View
from credwatch.detect.windows import Rows
from credwatch.kernel.detection import Detection
from credwatch.kernel.ids import stable_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DETAILS = (
    "event.action",
    "event.reason",
    "user.name",
    "user.email",
    "user.effective.name",
    "user.target.name",
    "user.target.email",
    "group.name",
    "host.name",
    "service.name",
    "source.ip",
    "process.command_line",
    "credwatch.mfa.factor",
    "credwatch.export.records",
    "credwatch.support.reason",
    "credwatch.actor.kind",
    "credwatch.actor.id",
    "credwatch.actor.department",
    "credwatch.authorisation.id",
    "credwatch.authorisation.basis",
    "credwatch.authorisation.reason",
)
"""The fields of the completing event that a detection carries on."""


def moment(microseconds: int) -> datetime:
    """Turn microseconds since the epoch into an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=int(microseconds))


def detections_of(watch: Watch, openings: Openings, view: View, events: pl.DataFrame, names: Names) -> list[Detection]:
    """Build the detection of each opening, in their order.

    `events` is the batch's frame; a completing row of an earlier batch has no event there and gives no details.
    """
    rows = [view.rows[begin : hit + 1] for begin, hit in zip(openings.begin, openings.hit, strict=True)]
    words = names.of(np.concatenate([part[name] for part in rows for name in ("user", "address", "organization")]))
    completing = _events(view.event[openings.hit], events, watch)
    return [
        _detection(watch, counted, _told_by(counted[-1], words) | event, words, episode)
        for counted, event, episode in zip(rows, completing, openings.episodes, strict=True)
    ]


def _told_by(row: np.void, words: dict[int, str]) -> dict[str, Any]:
    """Return what the row itself tells of its event, which may have come with an earlier batch."""
    told = {"user.name": row["user"], "source.ip": row["address"], "organization.id": row["organization"]}
    return {name: words[int(each)] for name, each in told.items() if int(each) in words}


def _events(positions: NDArray[np.int64], events: pl.DataFrame, watch: Watch) -> list[dict[str, Any]]:
    needed = {*DETAILS, *watch.fields, watch.rule.consequence.subject, "event.original", "organization.id"}
    known = events.select(name for name in events.columns if name in needed)
    found = known.select(pl.all().gather(np.maximum(positions, 0))).to_dicts()
    return [event if at >= 0 else {} for at, event in zip(positions, found, strict=True)]


def _detection(watch: Watch, rows: Rows, event: dict[str, Any], words: dict[int, str], episode: np.void) -> Detection:
    rule = watch.rule
    group = tuple((name, _text(event.get(field))) for name, field in zip(rule.group_by, watch.fields, strict=True))
    opened_at = moment(episode["opened"])
    line = event.get("event.original")
    return Detection(
        id=stable_id("detection", rule.id, *(value for pair in group for value in pair), opened_at.isoformat()),
        rule_id=rule.id,
        title=rule.title,
        level=rule.level,
        consequence=rule.consequence,
        group=group,
        organization=_text(event.get("organization.id")),
        subject=_text(event.get(rule.consequence.subject)),
        occurred_first=moment(_begun(watch, rows, episode)),
        opened_at=opened_at,
        count=len(rows),
        accounts=_words(rows["user"], words),
        addresses=_words(rows["address"], words),
        organizations=_words(rows["organization"], words),
        lines=(line,) if line else (),
        tags=rule.tags,
        group_key=int(episode["key"].astype(np.int64)),
        sequence=int(episode["sequence"]),
        details=tuple((name, _text(event[name])) for name in DETAILS if event.get(name) is not None),
    )


def _begun(watch: Watch, rows: Rows, episode: np.void) -> int:
    """Return when it began: with the first row, or with what a correlation before it saw."""
    before = (each.episodes.opened_before(episode) for each in watch.follows)
    return min(int(rows["time"].min()), *(time for time in before if time is not None), int(episode["opened"]))


def _words(hashes: NDArray[np.uint64], words: dict[int, str]) -> tuple[str, ...]:
    return tuple(sorted({words[each] for each in set(hashes.tolist()) if each in words}))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
