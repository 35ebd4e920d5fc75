"""Keeps what joined a joint letter instead of leaving by itself, and which letter told it."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_SERIES = ("workflow", "kind", "organization", "recipient")


def upgrade() -> None:
    """Make the tables; what was queued before leaves by itself."""
    op.create_table(
        "joined",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*_SERIES, "incident")),
        sa.Column("joined_at", sa.BigInteger, nullable=False),
        sa.Column("matter", sa.Text, nullable=False),
        sa.Column("told_by", sa.Text, nullable=False),
    )
    op.create_index("joined_incident", "joined", ["incident"])
    op.create_index("joined_told", "joined", ["told_by"])
    untold = sa.text("told_by = ''")
    op.create_index("joined_waiting", "joined", [*_SERIES, "joined_at"], sqlite_where=untold)
    op.create_table(
        "joint_series",
        *(sa.Column(name, sa.Text, primary_key=True) for name in _SERIES),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("waits", sa.Boolean, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_index("joint_series_waiting", "joint_series", ["waits"])


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
