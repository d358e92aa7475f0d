"""Leases on what only so many may use at once; which windows the journal has forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "lease",
        sa.Column("id", big, primary_key=True),
        sa.Column("resource", sa.String(150), nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("holder", sa.String(32), nullable=False, unique=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("process", sa.Integer, nullable=False),
        sa.Column("purpose", sa.String(200), nullable=False),
        sa.Column("wanted", sa.Integer, nullable=False),
        sa.Column("granted", sa.Integer, nullable=False),
        sa.Column("beats", sa.BigInteger, nullable=False),
    )
    turn = op.create_table("lease_turn", sa.Column("turns", sa.BigInteger, nullable=False))
    op.bulk_insert(turn, [{"turns": 0}])
    op.create_table(
        "forgotten",
        sa.Column("id", big, primary_key=True),
        sa.Column("import_name", sa.String(100), nullable=False),
        sa.Column("first_window", sa.BigInteger, nullable=False),
        sa.Column("last_window", sa.BigInteger, nullable=False),
    )
    op.create_index("forgotten_by_window", "forgotten", ["import_name", "last_window", "first_window"])
    op.create_index("delivery_by_run", "delivery", ["run_id"])
