"""The tables of what a case rests on: the lines that detections counted, and the rules as they were then."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.json import Decoder, Encoder
from sqlalchemy import Column, Connection, Index, LargeBinary, String, Table, Text, select

from credwatch.kernel.detection import CountedLine
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros
from credwatch.store.statements import many

_LINES = Encoder()
_READ = Decoder(tuple[CountedLine, ...])

evidence = Table(
    "evidence",
    metadata,
    Column("serial", Number, primary_key=True),  # of the detection
    Column("incident", String, nullable=False),
    Column("lines", LargeBinary, nullable=False),  # JSON, zlib
    Index("evidence_incident", "incident"),
)

rule_versions = Table(
    "rule_versions",
    metadata,
    Column("version", String, primary_key=True),  # SHA-256 of the document
    Column("rule_id", String, nullable=False),
    Column("first", Number, nullable=False),  # when a detection named it first, microseconds since the epoch, UTC
    Column("document", Text, nullable=False),  # JSON
)


class RuleAsItWas(Struct, frozen=True):
    """One version of a rule that detections rest on."""

    rule: str
    """The rule's id."""
    version: str
    """The SHA-256 of its document, hexadecimal."""
    document: str
    """The document, JSON."""


def add_lines(connection: Connection, kept: Iterable[tuple[int, str, tuple[CountedLine, ...]]]) -> None:
    """Keep the lines of detections: of each its number, that of its incident, and the lines."""
    rows = [(serial, incident, zlib.compress(_LINES.encode(lines), 1)) for serial, incident, lines in kept if lines]
    many(connection, "INSERT INTO evidence (serial, incident, lines) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", rows)


def lines_of(connection: Connection, incident: str) -> dict[int, tuple[CountedLine, ...]]:
    """Return the lines that are kept of an incident, by the number of the detection that brought them."""
    query = select(evidence.c.serial, evidence.c.lines).where(evidence.c.incident == incident)
    return {serial: _READ.decode(zlib.decompress(lines)) for serial, lines in connection.execute(query)}


def add_rules(connection: Connection, rules: Iterable[RuleAsItWas], now: datetime) -> None:
    """Keep versions of rules; those that are kept already stay as they are."""
    rows = [(rule.version, rule.rule, to_micros(now), rule.document) for rule in rules]
    many(
        connection,
        "INSERT INTO rule_versions (version, rule_id, first, document) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        rows,
    )


def rules_as_they_were(connection: Connection, versions: Iterable[str]) -> list[RuleAsItWas]:
    """Return versions of rules, and of those that they refer to."""
    rules: dict[str, RuleAsItWas] = {}
    waiting = list(dict.fromkeys(versions))
    columns = (rule_versions.c.rule_id, rule_versions.c.version, rule_versions.c.document)
    while waiting:
        rows = connection.execute(select(*columns).where(rule_versions.c.version.in_(waiting)))
        fresh = [RuleAsItWas(*row) for row in rows]
        rules |= {rule.version: rule for rule in fresh}
        named = (version for rule in fresh for version in _REFERS.decode(rule.document).refers_to)
        waiting = [version for version in dict.fromkeys(named) if version not in rules]
    return list(rules.values())


class _Refers(Struct):
    refers_to: tuple[str, ...] = ()


_REFERS = Decoder(_Refers)
