"""Adds the hashes of past passwords and the sealed second factors."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the two tables and the index."""
    op.create_table(
        "past_passwords",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("organization", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
    )
    op.create_index("past_passwords_account", "past_passwords", ["organization", "user"])
    op.create_table(
        "factors",
        sa.Column("organization", sa.Text, primary_key=True),
        sa.Column("user", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("digits", sa.Integer, nullable=False),
        sa.Column("step_seconds", sa.Integer, nullable=False),
        sa.Column("enrolled_at", sa.BigInteger, nullable=False),
        sa.Column("confirmed_at", sa.BigInteger),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("forgiven", sa.Integer, nullable=False),
        sa.Column("wait_until", sa.BigInteger),
        sa.Column("locked_at", sa.BigInteger),
    )


def downgrade() -> None:
    """Drop the two tables."""
    for table in ("factors", "past_passwords"):
        op.drop_table(table)
