"""Notes with each clock which law or contract it is of, in which version, and what meets it."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_WORDS = ("regime", "phase", "regime_version", "terms", "calendar", "reference", "late_reason")


def upgrade() -> None:
    """Add the columns; clocks of an earlier version are met by acceptance, as they were, and warn nobody."""
    for name in _WORDS:
        op.add_column("legal_clocks", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("legal_clocks", sa.Column("stops", sa.Text, nullable=False, server_default="accepted"))
    for name in ("soft_at", "warned_at"):
        op.add_column("legal_clocks", sa.Column(name, sa.BigInteger))


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
