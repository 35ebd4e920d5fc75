"""Adds commands, receipts and legal clocks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three tables and their indexes."""
    op.create_table(
        "commands",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("organization", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("languages", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("last_reason", sa.Text, nullable=False),
    )
    op.create_index("commands_due", "commands", ["state", "next_at"])
    op.create_index("commands_duty", "commands", ["workflow", "incident", "organization"])
    op.create_table(
        "receipts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("command", sa.Text, sa.ForeignKey("commands.id"), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("reply", sa.Text, nullable=False),
    )
    op.create_index("receipts_command", "receipts", ["command"])
    op.create_table(
        "legal_clocks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("organization", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("met_at", sa.BigInteger),
        sa.Column("escalated_at", sa.BigInteger),
    )
    op.create_index("legal_clocks_duty", "legal_clocks", ["workflow", "incident", "organization"])


def downgrade() -> None:
    """Drop the three tables."""
    for table in ("legal_clocks", "receipts", "commands"):
        op.drop_table(table)
