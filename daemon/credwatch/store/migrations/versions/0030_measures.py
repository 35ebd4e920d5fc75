"""Keeps the measures of enforcement: what was decided, done and undone."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; nothing was enforced before."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    text = sa.Text(collation="C") if is_postgresql else sa.Text()
    number = sa.BigInteger() if is_postgresql else sa.Integer()
    op.create_table(
        "measures",
        sa.Column("id", text, primary_key=True),
        sa.Column("state", text, nullable=False),
        sa.Column("dry", sa.Boolean, nullable=False),
        sa.Column("plan", text, nullable=False),
        sa.Column("aim", text, nullable=False),
        sa.Column("on_address", sa.Boolean, nullable=False),
        sa.Column("organization", text, nullable=False),
        sa.Column("incident", text, nullable=False),
        sa.Column("proposed_at", number, nullable=False),
        sa.Column("acted_at", number),
        sa.Column("stands_until", number, nullable=False),
        sa.Column("moves_at", number),
        sa.Column("set_at", number, nullable=False),
        sa.Column("document", text, nullable=False),
    )
    for name, columns in (
        ("aim", ["aim", "stands_until"]),
        ("acted", ["dry", "on_address", "acted_at"]),
        ("state", ["state", "proposed_at"]),
        ("listed", ["proposed_at", "id"]),
        ("incident", ["incident"]),
    ):
        op.create_index(f"measures_{name}", "measures", columns)
    moves = sa.text("moves_at IS NOT NULL")
    op.create_index("measures_moving", "measures", ["moves_at", "set_at"], sqlite_where=moves, postgresql_where=moves)


def downgrade() -> None:
    """Drop the table; what is in force is undone by nobody then."""
    op.drop_table("measures")
