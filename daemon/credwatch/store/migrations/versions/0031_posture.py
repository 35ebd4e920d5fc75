"""Keeps how accounts stand."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; nothing was kept before."""
    number = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.create_table(
        "account_findings",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("source", "customer", "account", "rule")),
        sa.Column("since", number, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("detail", "roles", "exemption")),
        sa.Column("told", number, nullable=False),
    )
    op.create_index("account_findings_customer", "account_findings", ["customer", "rule"])
    op.create_table(
        "account_readings",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("tried", number, nullable=False),
        sa.Column("read", number),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("accounts", number, nullable=False),
        sa.Column("wrong", number, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
    )
    op.create_table(
        "finding_lines",
        sa.Column("number", number, primary_key=True),
        sa.Column("line", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables; accounts are read anew."""
    for table in ("finding_lines", "account_readings", "account_findings"):
        op.drop_table(table)
