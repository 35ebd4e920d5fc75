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

    kinds: dict[str, Any] = {"t": text, "n": number, "b": sa.LargeBinary()}

    def table(name: str, columns: str, indexes: dict[str, str], empty: str = "", unique: str = "") -> None:
        """Make a table of columns `name:kind`, the first of which is its key."""
        parts = [column.split(":") for column in columns.split()]
        made: list[sa.Column[Any]] = [
            sa.Column(
                column, kinds[kind], primary_key=at == 0, nullable=column == empty, unique=column == unique or None
            )
            for at, (column, kind) in enumerate(parts)
        ]
        op.create_table(name, *made)
        for suffix, indexed in indexes.items():
            op.create_index(f"{name}_{suffix}", name, indexed.split())

    links = "id:t browser:t customer:t address:t ends_at:n used_at:n"
    table("portal_links", links, {"end": "ends_at"}, empty="used_at")
    live = "id:t customer:t address:t stage:t began_at:n seen_at:n ends_at:n challenge:t"
    table("portal_sessions", live, {"contact": "customer address", "end": "ends_at"})
    keys = "id:t customer:t address:t public_key:b sign_count:n made_at:n"
    table("passkeys", keys, {"contact": "customer address"})
    reports = "incident:t sending:t digest:t customer:t received_at:n repeats:n document:t"
    indexes = {"customer": "customer received_at", "digest": "digest received_at"}
    table("customer_reports", reports, indexes, unique="sending")
    changes = "id:t customer:t kind:t value:t asked_by:t asked_at:n due_at:n state:t ended_by:t ended_at:n"
    indexes = {"customer": "customer asked_at", "waiting": "state due_at"}
    table("contact_changes", changes, indexes, empty="ended_at")
    table("submissions", "id:t at:n", {"at": "at"})
    op.create_index("commands_customer", "commands", ["organization", "kind", "created_at"])


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
