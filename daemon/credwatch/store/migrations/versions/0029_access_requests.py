"""Keeps what staff ask of customers' accounts, who agreed, and how often it was used."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; nobody has asked for anything yet."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    text = sa.Text(collation="C") if is_postgresql else sa.Text()
    number = sa.BigInteger() if is_postgresql else sa.Integer()
    op.create_table(
        "access_requests",
        sa.Column("id", text, primary_key=True),
        sa.Column("customer", text, nullable=False),
        sa.Column("state", text, nullable=False),
        sa.Column("asked_at", number, nullable=False),
        sa.Column("due", number, nullable=False),
        sa.Column("changed", number, nullable=False),
        sa.Column("unreviewed", number, nullable=False),
        sa.Column("uses", number, nullable=False),
        sa.Column("first_used", number),
        sa.Column("last_used", number),
        sa.Column("document", text, nullable=False),
    )
    op.create_index("access_requests_customer", "access_requests", ["customer", "asked_at"])
    op.create_index("access_requests_changed", "access_requests", ["changed"], unique=True)
    op.create_index("access_requests_due", "access_requests", ["due"])


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
