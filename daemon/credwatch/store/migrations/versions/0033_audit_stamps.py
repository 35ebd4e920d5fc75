"""Keeps the time stamps that an authority gave over the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; nothing was stamped before."""
    number = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.create_table(
        "audit_stamps",
        sa.Column("size", number, primary_key=True, autoincrement=False),
        sa.Column("at", number, nullable=False),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("reply", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop the table, and with it the stamps."""
    op.drop_table("audit_stamps")
