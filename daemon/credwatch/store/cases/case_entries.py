"""The table of case entries: what people did about incidents. Rows are added and never changed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import to_builtins
from msgspec.json import Decoder, Encoder
from sqlalchemy import DDL, Column, Connection, Index, Table, Text, event, func, select

from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.ledger.entry import Act, ActKind
from credwatch.store import audit
from credwatch.store.cases.forgotten import touch
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.moments import to_micros
from credwatch.store.statements import POSTGRESQL

_ENCODER = Encoder()
_AT_ONCE = 500
_ENTRY = Decoder(CaseEntry)
_SHARED, _OWN = ("kind",), ("incident", "at", "by", "customer")
_MADE_FOR_ONE = frozenset({EntryKind.PACKAGED})
"""Entries whose files are the customer's own: its log names them."""

case_entries = Table(
    "case_entries",
    metadata,
    Column("id", Number, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("at", Number, nullable=False),
    Column("kind", Text, nullable=False),
    Column("document", Text, nullable=False),  # the CaseEntry, JSON
    Index("case_entries_incident", "incident", "kind"),
)


_APPEND_ONLY = (
    "CREATE TRIGGER case_entries_stay BEFORE UPDATE ON case_entries"
    " BEGIN SELECT RAISE(ABORT, 'entries of a case are never changed'); END"
)
_made = DDL(_APPEND_ONLY)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
event.listen(case_entries, "after_create", _made.execute_if(dialect="sqlite"))
case_entries.info[POSTGRESQL] = (
    "CREATE FUNCTION case_entries_stay() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RAISE EXCEPTION ''entries of a case are never changed''; END'",
    "CREATE TRIGGER case_entries_stay BEFORE UPDATE ON case_entries FOR EACH ROW EXECUTE FUNCTION case_entries_stay()",
)


def add_entry(connection: Connection, entry: CaseEntry) -> None:
    """Add an entry to its case; a person's entry keeps it from being forgotten."""
    row = {"incident": entry.incident, "at": to_micros(entry.at), "kind": entry.kind.value}
    connection.execute(case_entries.insert(), row | {"document": _ENCODER.encode(entry).decode()})
    shared = (*_SHARED, "files") if entry.kind in _MADE_FOR_ONE else _SHARED
    details = {name: value for name, value in to_builtins(entry).items() if name in shared}
    unshared = {name: value for name, value in to_builtins(entry).items() if name not in (*shared, *_OWN)}
    customers = (entry.customer,) if entry.customer else ()
    act = Act(entry.at, ActKind.CASE_ENTRY, entry.by, entry.incident, customers, details, unshared)
    audit.append(connection, act)
    if entry.kind not in (EntryKind.REMINDED, EntryKind.MAILED):
        touch(connection, entry.incident, entry.at)


def entries_of(connection: Connection, incident: str) -> list[CaseEntry]:
    """Return the entries of a case in the order in which they were written."""
    query = select(case_entries.c.document).where(case_entries.c.incident == incident).order_by(case_entries.c.id)
    return [_ENTRY.decode(document) for document in connection.execute(query).scalars()]


def owner_of(entries: Sequence[CaseEntry]) -> str:
    """Name who is in charge after these entries; empty where nobody is."""
    return next((entry.owner for entry in reversed(entries) if entry.kind is EntryKind.ASSIGNED), "")


def owners(connection: Connection, numbers: Sequence[str]) -> dict[str, str]:
    """Map the numbers of some incidents to who is in charge of them; those of nobody are left out."""
    table = case_entries.c
    documents: list[str] = []
    for start in range(0, len(numbers), _AT_ONCE):
        is_one = table.incident.in_(numbers[start : start + _AT_ONCE]) & (table.kind == EntryKind.ASSIGNED.value)
        latest = select(func.max(table.id)).where(is_one).group_by(table.incident)
        documents += connection.execute(select(table.document).where(table.id.in_(latest))).scalars()
    return {entry.incident: entry.owner for entry in map(_ENTRY.decode, documents) if entry.owner}
