"""Detections built from the rows and events that completed them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credwatch.detect.advance import Openings, Watch
from credwatch.detect.names import Names
from credwatch.detect.rows import CARRIED
from credwatch.detect.sliding import repeated
from credwatch.detect.streams import Batch
from credwatch.detect.views import View
from credwatch.kernel.detection import Detection
from credwatch.kernel.fields import NATIVE
from credwatch.kernel.ids import stable_id

_Texts = dict[str, list[str | None]]
"""The values of fields, one a detection, None where there is none."""

_Words = dict[str, list[tuple[str, ...]]]
"""The distinct values of the carried fields, sorted, for each detection."""

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


def detections_of(found: Sequence[tuple[Watch, Openings]], batch: Batch, names: Names) -> list[Detection]:
    """Build the detection of each opening, in their order; for all rules at once, for calls cost more than rows.

    A completing row of an earlier batch has no event there; then its detection tells what rows carry, and the group as
    another event of the batch tells it.
    """
    if not found:
        return []
    is_told = np.concatenate([each.view.event[each.hit] >= 0 for _, each in found])
    texts = _texts(found, batch)
    words = _words(found, texts, names)
    for at in np.flatnonzero(~is_told):
        _stand_in(texts, words, int(at))
    episodes = np.concatenate([each.episodes for _, each in found])
    known = _Known(
        watch=[watch for watch, each in found for _ in each.hit],
        serial=episodes["serial"].tolist(),
        opened=[moment(each) for each in episodes["opened"].tolist()],
        begun=[moment(begun) for watch, each in found for begun in _begun(watch, each)],
        counted=np.concatenate([each.hit - each.begin + 1 for _, each in found]).tolist(),
        is_told=is_told.tolist(),
        texts=texts,
        words=words,
    )
    details = [name for name in DETAILS if name in texts]
    return [_detection(known, details, at) for at in range(len(is_told))]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of openings, column by column."""

    watch: list[Watch]
    serial: list[int]
    opened: list[datetime]
    begun: list[datetime]
    counted: list[int]
    is_told: list[bool]
    """Whether the completing event is at hand."""
    texts: _Texts
    words: _Words

    def text(self, name: str, at: int) -> str:
        """Return a field's value, empty where it has none."""
        return (self.texts[name][at] if name in self.texts else None) or ""


def _texts(found: Sequence[tuple[Watch, Openings]], batch: Batch) -> _Texts:
    """Return what is known of each completing event: of its own, or of another event of its group."""
    frame = batch.events
    needed = {*DETAILS, "event.original", *CARRIED}
    needed.update(name for watch, _ in found for name in (*watch.fields, watch.rule.consequence.subject))
    filled = [each for each in frame.columns if each in needed and frame.get_column(each).null_count() < frame.height]
    positions = np.concatenate([each.view.event[each.hit] for _, each in found])
    columns = frame[np.maximum(positions, 0), filled]
    texts: _Texts = {column.name: [_text(value) for value in column.to_list()] for column in columns.iter_columns()}
    whose = [(watch, each.view, hit) for watch, each in found for hit in each.hit] if (positions < 0).any() else []
    for at in np.flatnonzero(positions < 0):
        row = _of_group(*whose[at], batch)
        for name in texts:
            texts[name][at] = _text(row.get(name))
    return texts


def _of_group(watch: Watch, view: View, hit: np.intp, batch: Batch) -> dict[str, Any]:
    """Tell of a completing row of an earlier batch what a row of its group in this batch tells of the group."""
    group = view.event[view.span_of(view.keys[hit])]
    beside = group[group >= 0]
    if not len(beside):
        return {}
    told = batch.events.select(name for name in watch.fields if name in batch.events.columns)
    row: dict[str, Any] = told.row(int(beside[0]), named=True)
    return row


def _stand_in(texts: _Texts, words: _Words, at: int) -> None:
    """Let a carried field of which the rows have one value alone tell what the event would."""
    for name, column in words.items():
        if len(column[at]) == 1 and (name not in texts or texts[name][at] is None):
            texts.setdefault(name, [None] * len(column))[at] = column[at][0]


def _words(found: Sequence[tuple[Watch, Openings]], texts: _Texts, names: Names) -> _Words:
    """Return the distinct values of the carried fields in the rows of each opening."""
    values: dict[str, list[NDArray[np.uint64]]] = {name: [] for name in CARRIED}
    counts: dict[str, list[NDArray[np.intp]]] = {name: [] for name in CARRIED}
    for _, openings in found:
        lengths = openings.hit - openings.begin + 1
        owner = np.repeat(np.arange(len(lengths)), lengths)
        rows = np.arange(len(owner)) + np.repeat(openings.begin - np.cumsum(lengths) + lengths, lengths)
        for name, column in CARRIED.items():
            all_of_it = openings.view.columns.column(column)[rows]
            fresh = (all_of_it != 0) & ~repeated(owner, all_of_it)
            values[name].append(all_of_it[fresh])
            counts[name].append(np.bincount(owner[fresh], minlength=len(lengths)))
    word_of = names.of(np.concatenate([part for parts in values.values() for part in parts]))
    words: _Words = {}
    for name in CARRIED:
        told = [word_of.get(value, "") for value in np.concatenate(values[name]).tolist()]
        ends = np.cumsum(np.concatenate(counts[name])).tolist()
        parts = (told[begin:end] for begin, end in zip([0, *ends], ends, strict=False))
        words[name] = [tuple(sorted(filter(None, part))) for part in parts]
    _tell_groups(found, texts, words)
    return words


def _tell_groups(found: Sequence[tuple[Watch, Openings]], texts: _Texts, words: _Words) -> None:
    """Let a carried field by which a rule groups be told by the events, whose word is never forgotten."""
    begin = 0
    for watch, openings in found:
        end = begin + len(openings.hit)
        for name in set(CARRIED).intersection(watch.fields, texts):
            of_group = texts[name][begin:end]
            if None not in of_group:
                words[name][begin:end] = [(str(word),) for word in of_group]
        begin = end


def _begun(watch: Watch, openings: Openings) -> list[int]:
    """Return when each began: with its first row, or with what a correlation before it saw."""
    first = openings.view.times[openings.begin]
    for each in watch.follows:
        table = each.episodes.table
        for at, episode in enumerate(openings.episodes):
            mine = table["opened"][each.episodes.of(episode["group"])]
            before = mine[mine <= episode["opened"]]
            first[at] = min(first[at], before[-1]) if len(before) else first[at]
    begun: list[int] = first.tolist()
    return begun


def _detection(known: _Known, details: list[str], at: int) -> Detection:
    watch, opened_at = known.watch[at], known.opened[at]
    rule = watch.rule
    group = tuple(
        [
            (name.removeprefix(NATIVE), known.text(field, at))
            for name, field in zip(rule.group_by, watch.fields, strict=True)
        ]
    )
    subject, organization = known.text(rule.consequence.subject, at), known.text("organization.id", at)
    apart = (subject, organization) if watch.told_apart else ()
    line = known.text("event.original", at)
    found = [(name, value) for name in details if (value := known.texts[name][at]) is not None]
    return Detection(
        id=stable_id("detection", rule.id, *(value for pair in group for value in pair), *apart, opened_at.isoformat()),
        serial=known.serial[at],
        rule_id=rule.id,
        title=rule.title,
        level=rule.level,
        consequence=rule.consequence,
        group=group,
        organization=organization,
        subject=subject,
        occurred_first=known.begun[at],
        opened_at=opened_at,
        count=known.counted[at],
        accounts=known.words["user.name"][at],
        addresses=known.words["source.ip"][at],
        organizations=known.words["organization.id"][at],
        lines=(line,) if line else (),
        tags=rule.tags,
        details=tuple(found) if known.is_told[at] else (),
        shadow=rule.shadow,
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return ", ".join(value) if isinstance(value, list) else str(value)
