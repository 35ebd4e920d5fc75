"""Keeps apart when it happened, when it was read and when it was found; lets messages wait for a person.

Earlier versions kept event time alone and called it detected. What they stored has that for all three moments, and says
so with `timed_by_log`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

_DETECTION = """
UPDATE detections SET recorded = opened, detected = opened, document = json_set(document,
    '$.recorded_at', json_extract(document, '$.opened_at'),
    '$.detected_at', json_extract(document, '$.opened_at'),
    '$.timed_by_log', json('true'))
"""
_INCIDENT = """
UPDATE incidents SET recorded = detected,
    occurred = CAST(strftime('%s', json_extract(document, '$.occurred_last')) AS INTEGER) * 1000000,
    document = json_set(document,
    '$.recorded_at', json_extract(document, '$.detected_at'),
    '$.recorded_last', json_extract(document, '$.occurred_last'),
    '$.detected_last', json_extract(document, '$.occurred_last'),
    '$.timed_by_log', json('true'))
"""


def upgrade() -> None:
    """Add the columns, and fill them with what is known."""
    with op.batch_alter_table("detections", recreate="always") as batch:
        batch.add_column(sa.Column("recorded", sa.Integer, nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("detected", sa.Integer, nullable=False, server_default=sa.text("0")))
    with op.batch_alter_table("incidents", recreate="always") as batch:
        batch.add_column(sa.Column("occurred", sa.Integer, nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("recorded", sa.Integer, nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("held", sa.Boolean, nullable=False, server_default=sa.text("0")))
    op.create_index("incidents_held", "incidents", ["number"], sqlite_where=sa.text("held = 1"))
    op.execute(_DETECTION)
    op.execute(_INCIDENT)
    with op.batch_alter_table("legal_clocks", recreate="always") as batch:
        batch.add_column(sa.Column("starts", sa.Text, nullable=False, server_default="occurred"))
        batch.add_column(sa.Column("held", sa.Boolean, nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("released_at", sa.BigInteger))
        batch.add_column(sa.Column("waived_at", sa.BigInteger))
    op.execute("UPDATE legal_clocks SET starts = 'sent' WHERE workflow IN ('customer_update', 'breach_update')")


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
