"""Keeps what the customers' pages remember: links, sessions, passkeys, reports, changes of addresses, forms sent."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; nobody has logged in yet."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    text = sa.Text(collation="C") if is_postgresql else sa.Text()
    number = sa.BigInteger() if is_postgresql else sa.Integer()

    def table(name: str, texts: str, numbers: str, *more: sa.Column[Any], indexes: dict[str, str]) -> None:
        first, *others = texts.split()
        op.create_table(
            name,
            sa.Column(first, text, primary_key=True),
            *(sa.Column(column, text, nullable=False) for column in others),
            *(sa.Column(column, number, nullable=False) for column in numbers.split()),
            *more,
        )
        for suffix, columns in indexes.items():
            op.create_index(f"{name}_{suffix}", name, columns.split())

    table(
        "portal_links",
        "id browser customer address",
        "ends_at",
        sa.Column("used_at", number),
        indexes={"end": "ends_at"},
    )
    table(
        "portal_sessions",
        "id customer address stage challenge",
        "began_at seen_at ends_at",
        indexes={"contact": "customer address", "end": "ends_at"},
    )
    table(
        "passkeys",
        "id customer address",
        "sign_count made_at",
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        indexes={"contact": "customer address"},
    )
    table(
        "customer_reports",
        "incident digest customer document",
        "received_at repeats",
        sa.Column("sending", text, nullable=False, unique=True),
        indexes={"customer": "customer received_at", "digest": "digest received_at"},
    )
    table(
        "contact_changes",
        "id customer kind value asked_by state ended_by",
        "asked_at due_at",
        sa.Column("ended_at", number),
        indexes={"customer": "customer asked_at", "waiting": "state due_at"},
    )
    op.create_index("commands_customer", "commands", ["organization", "kind", "created_at"])
    table("submissions", "id", "at", indexes={"at": "at"})


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
