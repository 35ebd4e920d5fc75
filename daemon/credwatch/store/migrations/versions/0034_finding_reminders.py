"""Keeps which reminders were sent about accounts that break a rule."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; nobody was reminded before."""
    number = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    key = ("source", "customer", "account", "rule", "rung", "recipient")
    op.create_table(
        "finding_reminders",
        *(sa.Column(name, sa.Text, primary_key=True) for name in key),
        sa.Column("since", number, nullable=False),
        sa.Column("at", number, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
    )
    op.create_index("finding_reminders_command", "finding_reminders", ["command"])


def downgrade() -> None:
    """Drop the table; reminders begin anew."""
    op.drop_table("finding_reminders")
