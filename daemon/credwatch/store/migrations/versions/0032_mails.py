"""Keeps which mails came in, and what became of each."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_TEXTS = ("kind", "outcome", "sender", "subject", "message", "incident", "customer", "receipt_to")
_INDEXES = {"received": ["received_at"], "receipts": ["receipt_to", "received_at"], "incident": ["incident"]}


def upgrade() -> None:
    """Make the table; no mail was read before."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    text = sa.Text(collation="C") if is_postgresql else sa.Text()
    number = sa.BigInteger() if is_postgresql else sa.Integer()
    op.create_table(
        "mails",
        sa.Column("digest", text, primary_key=True),
        sa.Column("received_at", number, nullable=False),
        *(sa.Column(name, text, nullable=False) for name in _TEXTS),
        sa.Column("repeats", number, nullable=False),
    )
    for name, columns in _INDEXES.items():
        op.create_index(f"mails_{name}", "mails", columns)


def downgrade() -> None:
    """Drop the table; a mail that comes again is then taken for a new one."""
    op.drop_table("mails")
