"""The table of deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("delivery"):
        return  # The first databases were made without steps.
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("import_name", sa.String(100), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("batch_number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("first_window", sa.BigInteger, nullable=False),
        sa.Column("last_window", sa.BigInteger, nullable=False),
        sa.Column("digests", sa.LargeBinary, nullable=False),
        sa.Column("identity_digests", sa.LargeBinary, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
    )
    op.create_index("delivery_by_window", "delivery", ["import_name", "last_window", "first_window"])
