"""Keeps when each source spoke last, its rhythm, and the times in which something was not seen."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; nothing is known of the time before."""
    number = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.create_table(
        "source_times",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("heard", number, nullable=False),
        sa.Column("happened", number),
    )
    op.create_table(
        "rhythms",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "blind_intervals",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("started", number, primary_key=True),
        sa.Column("ended", number),
    )
    lasting = sa.text("ended IS NULL")
    op.create_index("blind_intervals_ended", "blind_intervals", ["ended"])
    op.create_index(
        "blind_intervals_open", "blind_intervals", ["started"], sqlite_where=lasting, postgresql_where=lasting
    )


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
