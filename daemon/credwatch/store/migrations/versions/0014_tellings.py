"""Keeps what each reader was told of an incident, so that what is new is told as well."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; what was told before is not known, and the next evidence of those incidents is taken as told."""
    op.create_table(
        "tellings",
        sa.Column("incident", sa.Text, primary_key=True),
        sa.Column("workflow", sa.Text, primary_key=True),
        sa.Column("organization", sa.Text, primary_key=True),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("waits", sa.Boolean, nullable=False),
    )
    op.create_index("tellings_waiting", "tellings", ["incident"], sqlite_where=sa.text("waits = 1"))


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
