"""Parts what becomes of a detection, which changes with each batch, from the detection, which never does."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the episodes, fill them from the detections, and give these the number of theirs."""
    op.create_table(
        "episodes",
        sa.Column("serial", sa.Integer, primary_key=True),
        sa.Column("rule_id", sa.String, nullable=False),
        sa.Column("group_key", sa.Integer, nullable=False),
        sa.Column("group", sa.Integer, nullable=False),
        sa.Column("opened", sa.Integer, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("user", sa.Integer, nullable=False),
        sa.Column("address", sa.Integer, nullable=False),
        sa.Column("organization", sa.Integer, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
    )
    op.create_index("episodes_open", "episodes", ["serial"], sqlite_where=sa.text("closed = 0"))
    op.create_index("episodes_ended", "episodes", ["last"], sqlite_where=sa.text("closed = 1"))
    op.execute(
        "INSERT INTO episodes SELECT rowid, rule_id, group_key, group_key, opened, last, count, 0, 0, 0, closed"
        " FROM detections"
    )
    op.create_table(
        "detections_now",
        sa.Column("serial", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("rule_id", sa.String, nullable=False),
        sa.Column("incident", sa.String, nullable=False),
        sa.Column("opened", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.execute(
        "INSERT INTO detections_now SELECT rowid, id, rule_id, incident, opened, document"
        " FROM detections WHERE document != ''"
    )
    op.drop_table("detections")
    op.rename_table("detections_now", "detections")
    op.create_index("detections_incident", "detections", ["incident"])
    op.execute("DELETE FROM engine_values WHERE name = 'sequence'")
    # The rows of windows have another form now.
    op.execute("DELETE FROM window_rows")


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
