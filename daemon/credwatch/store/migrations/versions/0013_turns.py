"""Lets messages leave by precedence, and customers take turns."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"
branch_labels = None
depends_on = None

_COURTESY = "UPDATE commands SET precedence = 1 WHERE workflow IN ('customer_update', 'breach_update')"
_DIGEST = "UPDATE commands SET precedence = 2 WHERE kind = 'digest'"
_LANE = """
UPDATE commands SET lane =
    CASE WHEN kind IN ('escalate', 'digest') THEN '' ELSE organization END || ' ' || workflow
"""


def upgrade() -> None:
    """Add the columns, fill them for what waits, and make the table of turns."""
    op.add_column("commands", sa.Column("precedence", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("commands", sa.Column("lane", sa.Text, nullable=False, server_default=sa.text("''")))
    for statement in (_COURTESY, _DIGEST, _LANE):
        op.execute(statement)
    op.create_index(
        "commands_waiting",
        "commands",
        ["precedence", "lane", "created_at", "id", "attempts", "next_at", "recipient", "state"],
        sqlite_where=sa.text("state = 'queued'"),
    )
    op.create_table(
        "turns",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("served", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
