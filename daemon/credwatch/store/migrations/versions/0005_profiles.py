"""Adds the habits of accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "profiles",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("rows", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop the table: what accounts do is learnt again."""
    op.drop_table("profiles")
