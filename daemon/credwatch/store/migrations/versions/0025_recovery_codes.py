"""Keeps recovery codes beside a second factor: their salt, and the digests of those not used."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; factors of an earlier version have no codes."""
    op.add_column("factors", sa.Column("recovery_salt", sa.Text, nullable=False, server_default=""))
    op.add_column("factors", sa.Column("recovery_codes", sa.Text, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Take the columns away; codes that were written down are good no longer."""
    op.drop_column("factors", "recovery_codes")
    op.drop_column("factors", "recovery_salt")
