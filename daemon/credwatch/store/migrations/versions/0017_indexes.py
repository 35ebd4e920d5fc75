"""Adds indexes, so that no statement reads what is over: the open, the latest and the oldest are found by them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_OPEN = "status != 'closed'"
_INDEXES = (
    ("detections_found", "detections", ["detected"], None),
    ("incidents_open", "incidents", ["subject"], _OPEN),
    ("incidents_open_found", "incidents", ["detected", "occurred", "number", "kind"], _OPEN),
    ("incidents_former", "incidents", ["subject", "kind", "organization", "detected"], "status = 'closed'"),
    ("incidents_found", "incidents", ["detected", "occurred", "number"], None),
    ("legal_clocks_incident", "legal_clocks", ["incident"], None),
    ("legal_clocks_running", "legal_clocks", ["due_at", "id"], "met_at IS NULL AND waived_at IS NULL"),
    ("commands_incident", "commands", ["incident", "settled_at"], None),
    ("commands_settled", "commands", ["state", "settled_at"], None),
    ("commands_listed", "commands", ["state", "created_at", "id"], None),
    ("commands_latest", "commands", ["workflow", "created_at"], None),
    ("receipts_command", "receipts", ["command", "result"], None),
    ("receipts_begun", "receipts", ["id"], "result = 'started'"),
    ("turns_served", "turns", ["served"], None),
    ("past_passwords_age", "past_passwords", ["kept_at"], None),
)


def upgrade() -> None:
    """Make the indexes; two of them replace narrower ones of the same name."""
    op.drop_index("incidents_open", "incidents")
    op.drop_index("receipts_command", "receipts")
    for name, table, columns, where in _INDEXES:
        op.create_index(name, table, columns, sqlite_where=sa.text(where) if where else None)


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
