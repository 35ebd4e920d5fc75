"""Keeps events on their way to the archive, and the keys that seal personal fields in it."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; events of before are not archived."""
    number = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.create_table(
        "unarchived",
        sa.Column("number", number, primary_key=True),
        sa.Column("events", number, nullable=False),
        sa.Column("bytes", number, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.create_index("unarchived_sizes", "unarchived", ["number", "events", "bytes"])
    op.create_table(
        "archive_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("made", number, nullable=False),
    )
    op.create_index("archive_keys_customer", "archive_keys", ["customer"], unique=True)


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
