"""Keeps the audit trail: entries that nobody changes or takes out afterwards, and the hashes of its trees."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_REFUSAL = "the audit trail is only added to"
_SQLITE = tuple(
    f"CREATE TRIGGER audit_stays_{act.lower()} BEFORE {act} ON audit_entries"
    f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for act in ("UPDATE", "DELETE")
)
_POSTGRESQL = (
    f"CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''{_REFUSAL}''; END'",
    "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_stays()",
)


def upgrade() -> None:
    """Make the tables; the trail begins with what happens from now on."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    text = sa.Text(collation="C") if is_postgresql else sa.Text()
    number = sa.BigInteger() if is_postgresql else sa.Integer()
    op.create_table(
        "audit_entries",
        sa.Column("position", number, primary_key=True, autoincrement=False),
        sa.Column("at", number, nullable=False),
        *(sa.Column(name, text, nullable=False) for name in ("kind", "actor", "incident", "customer")),
        sa.Column("place", number, nullable=False),
        sa.Column("entry", text, nullable=False),
    )
    for name, order, nobody in (
        ("actor", "position", "credwatch"),
        ("incident", "position", ""),
        ("customer", "place", ""),
    ):
        some, columns, unique = sa.text(f"{name} != '{nobody}'"), [name, order], order == "place"
        made = f"audit_entries_{name}"
        op.create_index(made, "audit_entries", columns, unique=unique, sqlite_where=some, postgresql_where=some)
    op.create_table(
        "audit_hashes",
        sa.Column("log", text, primary_key=True),
        sa.Column("height", number, primary_key=True, autoincrement=False),
        sa.Column("place", number, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("size", number, primary_key=True, autoincrement=False),
        sa.Column("note", text, nullable=False),
    )
    for statement in _POSTGRESQL if is_postgresql else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Refuse: the store keeps evidence, and going back would destroy it."""
    raise NotImplementedError("restore a backup of the store instead")
