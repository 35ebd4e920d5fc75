"""Keeps what people did about an incident, and what they were told, as entries that nobody changes afterwards."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_APPEND_ONLY = (
    "CREATE TRIGGER case_entries_stay BEFORE UPDATE ON case_entries"
    " BEGIN SELECT RAISE(ABORT, 'entries of a case are never changed'); END"
)


def upgrade() -> None:
    """Make the table, and have the database refuse changes of its rows."""
    op.create_table(
        "case_entries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("case_entries_incident", "case_entries", ["incident", "kind"])
    op.execute(_APPEND_ONLY)


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
