"""Keeps the orders that forbid to tell a customer of an incident."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; no order was kept before."""
    number = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.create_table(
        "secrecy_orders",
        sa.Column("incident", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("lifted", number, nullable=False),
        sa.Column("review", number, nullable=False),
        sa.Column("reminded", number, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    runs = sa.text("lifted = 0")
    op.create_index("secrecy_orders_running", "secrecy_orders", ["incident"], sqlite_where=runs, postgresql_where=runs)


def downgrade() -> None:
    """Drop the table; what it held back is held still."""
    op.drop_table("secrecy_orders")
