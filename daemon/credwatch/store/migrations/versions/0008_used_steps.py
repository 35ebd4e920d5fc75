"""Keeps of each second factor which steps were used, where it kept the last one only."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the last step used as the one step known to be used."""
    op.add_column("factors", sa.Column("used_steps", sa.Text, nullable=False, server_default="[]"))
    op.execute("UPDATE factors SET used_steps = '[[' || last_step || ',' || last_step || ']]' WHERE last_step >= 0")
    op.drop_column("factors", "last_step")


def downgrade() -> None:
    """Keep no step: a code of the present step may count once more."""
    op.add_column("factors", sa.Column("last_step", sa.BigInteger, nullable=False, server_default="-1"))
    op.drop_column("factors", "used_steps")
