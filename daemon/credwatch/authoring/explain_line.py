"""How one line is read: which envelope, pack and pattern took it, the event it gave, and what enrichment added."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from credwatch.enrich.habits.attempts import AttemptPairing
from credwatch.enrich.habits.marking import mark
from credwatch.enrich.habits.profiles import Profiles
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.pack import Pack, PackSet, Pattern
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.pipeline.pipeline import Knowledge

_ENVELOPES = (
    (r"\{", "a JSON object (RFC 8259)"),
    (r"<\d{1,3}>[1-9]\d{0,2} ", "syslog with priority and version (RFC 5424)"),
    (r"<\d{1,3}>\d", "syslog with priority and an ISO 8601 stamp"),
    (r"<\d{1,3}>", "syslog with priority (RFC 3164)"),
    (r"\d", "syslog with an ISO 8601 stamp"),
    (r"", "syslog (RFC 3164)"),
)
"""How lines begin, and what they are called; the first that fits."""
_BOOKKEEPING = ("position",)


class Reading(Struct, frozen=True, eq=False):
    """How a line was read."""

    envelope: str
    """What wraps it; empty where nothing does."""
    status: str
    """event, skipped or unparsed."""
    reason: str
    """Why it is unparsed; empty otherwise."""
    pack: str
    """The id of the pack that knows it; empty where none does."""
    pattern: str
    """The name of the pattern that took it; empty where none did."""
    parsed: Mapping[str, Any]
    """The event's fields as the pack gives them."""
    added: Mapping[str, Any]
    """What enrichment added or changed."""
    events: pl.DataFrame
    """The events of the lines before it and, where it is one, its own last; enriched."""


def read_line(line: str, before: bytes, knowledge: Knowledge, source: SourceFormat, reference: datetime) -> Reading:
    """Read a line as it would be read behind the lines `before` it; `reference` is the moment near which they end."""
    earlier = _parsed(before, knowledge.packs, source, reference)
    own = _parsed(line.encode(errors="surrogateescape"), knowledge.packs, source, reference)
    frames = [frame for frame in (earlier.events, own.events) if frame.height]
    events = pl.concat(frames, how="diagonal") if frames else own.events
    if events.height:
        events = knowledge.enricher.enrich(events)
        events, *_ = mark(events, AttemptPairing(), Profiles(b"explain"), knowledge.learning, reference)
    status, reason, pack = _status(own)
    envelope = "" if reason in ("no_envelope", "not_json") else _envelope(line)
    parsed = _shown(own.events)
    enriched = _shown(events[-1:]) if own.events.height else {}
    added = {name: value for name, value in enriched.items() if parsed.get(name) != value}
    pattern = _pattern(line, own, pack, knowledge.packs, source, reference)
    return Reading(envelope, status, reason, pack, pattern, parsed, added, events)


def _parsed(data: bytes, packs: PackSet, source: SourceFormat, reference: datetime) -> Parsed:
    return parse(split_lines(data, 0), packs=packs, source=source, reference=reference)


def _status(parsed: Parsed) -> tuple[str, str, str]:
    if parsed.events.height:
        return "event", "", str(parsed.events["event.dataset"][0])
    if parsed.skips.height:
        return "skipped", "", str(parsed.skips["pack"][0] or "")
    return "unparsed", str(parsed.unparsed["reason"][0]) if parsed.unparsed.height else "an empty line", ""


def _envelope(line: str) -> str:
    return next(name for beginning, name in _ENVELOPES if re.match(beginning, line))


def _pattern(line: str, whole: Parsed, pack_id: str, packs: PackSet, source: SourceFormat, reference: datetime) -> str:
    """Find the pattern that took a line: of those that read it alone the first, which those with a prefix go before."""
    pack = next((pack for pack in packs.packs if pack.id == pack_id), None)
    if pack is None:
        return ""
    for pattern in sorted(pack.patterns, key=lambda candidate: "" in candidate.prefixes):
        if _could_read(pattern, line):
            alone = _parsed(line.encode(errors="surrogateescape"), _only(pack, pattern), source, reference)
            if _same(alone, whole):
                return pattern.name
    return ""


def _could_read(pattern: Pattern, line: str) -> bool:
    """Leave out the patterns none of whose beginnings is in the line: each that is tried has to be compiled."""
    return not pattern.prefixes or any(prefix in line for prefix in pattern.prefixes)


def _only(pack: Pack, pattern: Pattern) -> PackSet:
    return PackSet((replace(pack, patterns=(pattern,)),))


def _same(one: Parsed, other: Parsed) -> bool:
    return _shown(one.events) == _shown(other.events) and one.skipped == other.skipped


def _shown(events: pl.DataFrame) -> dict[str, Any]:
    """Give the fields of a frame's one event that have a value; JSON values only."""
    if not events.height:
        return {}
    row = events.row(0, named=True)
    return {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None and name not in _BOOKKEEPING
    }
