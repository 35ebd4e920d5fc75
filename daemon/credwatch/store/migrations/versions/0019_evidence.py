"""Keeps the lines that detections counted, the rules as they were, and messages as they were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "trail",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "evidence",
        sa.Column("serial", sa.Integer, primary_key=True),
        sa.Column("incident", sa.String, nullable=False),
        sa.Column("lines", sa.LargeBinary, nullable=False),
    )
    op.create_index("evidence_incident", "evidence", ["incident"])
    op.create_table(
        "rule_versions",
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("rule_id", sa.String, nullable=False),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "sent_messages",
        sa.Column("command", sa.String, primary_key=True),
        sa.Column("incident", sa.String, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("sent_messages_incident", "sent_messages", ["incident"])


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
