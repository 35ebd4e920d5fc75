"""Detections built from the rows and events that completed them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain, repeat
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credwatch.detect.count.sliding import repeated
from credwatch.detect.episodes.advance import Openings, Watch
from credwatch.detect.windows.event_time import moment
from credwatch.detect.windows.names import Names
from credwatch.detect.windows.rows import CARRIED
from credwatch.detect.windows.streams import StreamBatch
from credwatch.detect.windows.views import View
from credwatch.kernel.detection import Detection
from credwatch.kernel.fields import NATIVE
from credwatch.kernel.ids import stable_id
from credwatch.kernel.ordering import spread

_Texts = dict[str, list[str | None]]
"""The values of fields, one a detection, None where there is none."""

_Words = dict[str, list[tuple[str, ...]]]
"""The distinct values of the carried fields, sorted, for each detection."""

DETAILS = (
    "event.action",
    "event.outcome",
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
    "source.geo.country_iso_code",
    "source.as.organization.name",
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
    "credwatch.authorisation.difference",
)
"""The fields of the completing event that a detection carries on."""


def detections_of(opened: Sequence[tuple[Watch, Openings]], batch: StreamBatch, names: Names) -> list[Detection]:
    """Build the detection of each opening, in their order; for all rules at once, for calls cost more than rows.

    A completing row of an earlier batch has no event there; then its detection tells what rows carry, and the group as
    another event of the batch tells it.
    """
    if not opened:
        return []
    is_told = np.concatenate([openings.view.event[openings.hit] >= 0 for _, openings in opened])
    texts = _texts(opened, batch)
    words = _words(opened, texts, names)
    for at in np.flatnonzero(~is_told):
        _stand_in(texts, words, int(at))
    episodes = np.concatenate([openings.episodes for _, openings in opened])
    about = _Known(
        serial=episodes["serial"].tolist(),
        opened=[moment(time) for time in episodes["opened"].tolist()],
        begun=[moment(begun) for watch, openings in opened for begun in _begun(watch, openings)],
        counted=np.concatenate([openings.hit - openings.begin + 1 for _, openings in opened]).tolist(),
        details=_details(texts, is_told.tolist()),
        texts={name: ["" if text is None else text for text in column] for name, column in texts.items()},
        words=words,
    )
    ends = np.cumsum([len(openings.hit) for _, openings in opened]).tolist()
    parts = zip(opened, [0, *ends], ends, strict=False)
    return [detection for (watch, _), begin, end in parts for detection in _detections(watch, about, begin, end)]


class _Known(Struct, frozen=True):
    """What is known of openings, column by column."""

    serial: list[int]
    opened: list[datetime]
    begun: list[datetime]
    counted: list[int]
    details: list[tuple[tuple[str, str], ...]]
    texts: dict[str, list[str]]
    """The values of fields, empty where there is none."""
    words: _Words

    def text(self, name: str, part: slice) -> list[str]:
        """Return a field's values, empty where it has none."""
        return self.texts[name][part] if name in self.texts else [""] * (part.stop - part.start)


def _details(texts: _Texts, is_told: list[bool]) -> list[tuple[tuple[str, str], ...]]:
    """Return what each completing event tells beside, nothing where it is not at hand."""
    names = [name for name in DETAILS if name in texts]
    rows = zip(*(texts[name] for name in names), strict=True) if names else ((),) * len(is_told)
    return [
        tuple([(name, text) for name, text in zip(names, row, strict=True) if text is not None]) if has_event else ()
        for row, has_event in zip(rows, is_told, strict=True)
    ]


def _texts(opened: Sequence[tuple[Watch, Openings]], batch: StreamBatch) -> _Texts:
    """Return what is known of each completing event: of its own, or of another event of its group."""
    frame = batch.events
    needed = {*DETAILS, "event.original", *CARRIED}
    needed.update(name for watch, _ in opened for name in (*watch.fields, watch.rule.consequence.subject))
    filled = [name for name in frame.columns if name in needed and frame.get_column(name).null_count() < frame.height]
    positions = np.concatenate([openings.view.event[openings.hit] for _, openings in opened])
    columns = frame[np.maximum(positions, 0), filled]
    texts: _Texts = {column.name: [_text(value) for value in column.to_list()] for column in columns.iter_columns()}
    whose = (
        [(watch, openings.view, hit) for watch, openings in opened for hit in openings.hit]
        if (positions < 0).any()
        else []
    )
    for at in np.flatnonzero(positions < 0):
        row = _of_group(*whose[at], batch)
        for name in texts:
            texts[name][at] = _text(row.get(name))
    return texts


def _of_group(watch: Watch, view: View, hit: np.intp, batch: StreamBatch) -> dict[str, Any]:
    """Tell of a completing row of an earlier batch what a row of its group in this batch tells of the group."""
    group = view.event[view.span_of(view.keys[hit])]
    beside = group[group >= 0]
    if not len(beside):
        return {}
    columns = batch.events.select(name for name in watch.fields if name in batch.events.columns)
    row: dict[str, Any] = columns.row(int(beside[0]), named=True)
    return row


def _stand_in(texts: _Texts, words: _Words, at: int) -> None:
    """Let a carried field of which the rows have one value alone tell what the event would."""
    for name, column in words.items():
        if len(column[at]) == 1 and (name not in texts or texts[name][at] is None):
            texts.setdefault(name, [None] * len(column))[at] = column[at][0]


def _words(opened: Sequence[tuple[Watch, Openings]], texts: _Texts, names: Names) -> _Words:
    """Return the distinct values of the carried fields in the rows of each opening."""
    lengths = np.concatenate([openings.hit - openings.begin + 1 for _, openings in opened])
    owner = np.repeat(np.arange(len(lengths)), lengths)
    places = [spread(openings.begin, openings.hit + 1) for _, openings in opened]
    values: dict[str, NDArray[np.uint64]] = {}
    counts: dict[str, NDArray[np.intp]] = {}
    for name, column in CARRIED.items():
        all_of_it = np.concatenate(
            [openings.view.columns.column(column, rows) for (_, openings), rows in zip(opened, places, strict=True)]
        )
        filled = np.flatnonzero(all_of_it)
        whose, value = owner[filled], all_of_it[filled]
        fresh = np.flatnonzero(~repeated(whose, value))
        values[name] = value[fresh]
        counts[name] = np.bincount(whose[fresh], minlength=len(lengths))
    word_of = names.of(np.concatenate(list(values.values())))
    words: _Words = {}
    for name in CARRIED:
        labels = [word_of.get(value, "") for value in values[name].tolist()]
        ends = np.cumsum(counts[name]).tolist()
        parts = (labels[begin:end] for begin, end in zip([0, *ends], ends, strict=False))
        words[name] = [tuple(sorted(part)) if len(part) > 1 else tuple(part) for part in parts]
        if "" in labels:  # a word that was forgotten
            words[name] = [tuple(filter(None, row)) for row in words[name]]
    _tell_groups(opened, texts, words)
    return words


def _tell_groups(opened: Sequence[tuple[Watch, Openings]], texts: _Texts, words: _Words) -> None:
    """Let a carried field by which a rule groups be told by the events, whose word is never forgotten."""
    begin = 0
    for watch, openings in opened:
        end = begin + len(openings.hit)
        for name in set(CARRIED).intersection(watch.fields, texts):
            of_group = texts[name][begin:end]
            if None not in of_group:
                words[name][begin:end] = [(str(word),) for word in of_group]
        begin = end


def _begun(watch: Watch, openings: Openings) -> list[int]:
    """Return when each began: with its first row, or with what a correlation before it saw."""
    first = openings.view.times[openings.begin]
    for part in watch.follows:
        table = part.episodes.table
        for at, episode in enumerate(openings.episodes):
            mine = table["opened"][part.episodes.of(episode["group"])]
            before = mine[mine <= episode["opened"]]
            first[at] = min(first[at], before[-1]) if len(before) else first[at]
    begun: list[int] = first.tolist()
    return begun


def _detections(watch: Watch, about: _Known, begin: int, end: int) -> Iterator[Detection]:
    """Build the detections of one rule from those that stand from `begin` to `end`."""
    rule, part = watch.rule, slice(begin, end)
    names = [name.removeprefix(NATIVE) for name in rule.group_by]
    columns = zip(
        zip(*(about.text(field, part) for field in watch.fields), strict=True) if names else repeat((), end - begin),
        about.text(rule.consequence.subject, part),
        about.text("organization.id", part),
        about.text("event.original", part),
        about.serial[part],
        about.begun[part],
        about.opened[part],
        about.counted[part],
        about.details[part],
        *(about.words[name][part] for name in CARRIED),
        strict=True,
    )
    for values, subject, organization, line, serial, begun, opened, counted, details, *words in columns:
        group = tuple(zip(names, values, strict=True))
        apart = (subject, organization) if watch.told_apart else ()
        accounts, addresses, organizations = words
        yield Detection(
            id=stable_id("detection", rule.id, *chain.from_iterable(group), *apart, opened.isoformat()),
            serial=serial,
            rule_id=rule.id,
            rule_version=rule.version,
            title=rule.title,
            level=rule.level,
            consequence=rule.consequence,
            group=group,
            organization=organization,
            subject=subject,
            occurred_first=begun,
            opened_at=opened,
            count=counted,
            accounts=accounts,
            addresses=addresses,
            organizations=organizations,
            lines=(line,) if line else (),
            tags=rule.tags,
            details=details,
            shadow=rule.shadow,
        )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return ", ".join(value) if isinstance(value, list) else str(value)
