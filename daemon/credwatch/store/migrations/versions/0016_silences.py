"""Keeps silences, and which detections each has hidden."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "silences",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("over", sa.Integer, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("silences_untold", "silences", ["over"], sqlite_where=sa.text("told = 0"))
    op.create_table(
        "silenced",
        sa.Column("serial", sa.Integer, primary_key=True),
        sa.Column("silence", sa.Text, nullable=False),
    )
    op.create_index("silenced_by", "silenced", ["silence"])


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
