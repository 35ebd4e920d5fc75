"""Knows of each incident when a person last worked on it."""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from credwatch.store.moments import to_micros

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ENTRIES = """
UPDATE incidents
SET touched = max(detected, coalesce((SELECT max(at) FROM case_entries WHERE incident = number), 0))
"""
_SET = sa.text("UPDATE incidents SET touched = max(touched, :at) WHERE number = :number")


def upgrade() -> None:
    """Add the column, and fill it from entries and from what people did to open incidents."""
    op.add_column("incidents", sa.Column("touched", sa.Integer, nullable=False, server_default=sa.text("0")))
    connection = op.get_bind()
    connection.execute(sa.text(_ENTRIES))
    for number, document in connection.execute(sa.text(_OPEN)).all():
        if (at := _by_people(json.loads(document))) is not None:
            connection.execute(_SET, {"number": number, "at": at})
    op.create_index("incidents_untouched", "incidents", ["touched"], sqlite_where=sa.text("status != 'closed'"))


_OPEN = "SELECT number, document FROM incidents WHERE status = 'in_progress'"
"""A new incident has no change by a person."""


def _by_people(incident: dict[str, Any]) -> int | None:
    rules = incident.get("rules", [])
    moments = [
        datetime.fromisoformat(step["at"]) for step in incident.get("transitions", []) if step["by"] not in rules
    ]
    return to_micros(max(moments)) if moments else None


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
