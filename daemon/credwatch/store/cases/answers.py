"""Which notices and reports nobody has answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, text

from credwatch.store.cases.case_entries import owners
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.statements import json_text
from credwatch.workflows.reminder import ASKING, Unanswered

_UNANSWERED = """
SELECT letter.workflow, letter.incident, letter.organization, min(letter.settled_at) AS told,
    (SELECT count(*) FROM case_entries AS entry WHERE entry.incident = letter.incident AND entry.kind = 'reminded'
        AND coalesce({customer}, '') = letter.organization) AS reminders,
    (SELECT entry.at FROM case_entries AS entry WHERE entry.incident = letter.incident AND entry.kind = 'reminded'
        AND coalesce({customer}, '') = letter.organization
        ORDER BY entry.id DESC LIMIT 1) AS reminded
FROM incidents JOIN commands AS letter ON letter.incident = incidents.number AND letter.workflow IN :asking
WHERE incidents.status != 'closed' AND letter.state = 'delivered'
    AND NOT EXISTS (SELECT 1 FROM case_entries AS entry WHERE entry.incident = letter.incident
        AND entry.kind = 'answered'
        AND coalesce({customer}, '') IN ('', letter.organization))
GROUP BY letter.workflow, letter.incident, letter.organization
HAVING min(letter.settled_at) <= :before
ORDER BY told, letter.incident, letter.organization
"""
"""Walks the open incidents by their index. An answer that names no customer is everybody's."""


def unanswered_since(connection: Connection, before: datetime) -> list[Unanswered]:
    """List what was told before a moment of open incidents and is not answered, what was told first comes first."""
    query = text(_UNANSWERED.format(customer=json_text(connection, "entry.document", "customer")))
    asked = query.bindparams(bindparam("asking", expanding=True))
    rows = connection.execute(asked, {"asking": ASKING, "before": to_micros(before)}).all()
    in_charge = owners(connection, sorted({row.incident for row in rows}))
    return [
        Unanswered(
            workflow=row.workflow,
            incident=row.incident,
            organization=row.organization,
            told_at=from_micros(row.told),
            owner=in_charge.get(row.incident, ""),
            reminders=row.reminders,
            reminded_at=None if row.reminded is None else from_micros(row.reminded),
        )
        for row in rows
    ]
