"""Where deliveries went, and which forced run they belong to; when windows were read."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    destination = sa.Column("destination", sa.String(32), nullable=False, server_default="")
    op.add_column("delivery", destination.copy())
    op.add_column("delivery", sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("delivery", sa.Column("window_offsets", sa.LargeBinary))
    op.add_column("scope", destination.copy())
    op.add_column("forgotten", destination.copy())
    op.add_column("done_windows", destination.copy())
    op.add_column("done_windows", sa.Column("read_at", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "epoch",
        sa.Column("id", big, primary_key=True),
        sa.Column("import_name", sa.String(100), nullable=False),
        sa.Column("destination", sa.String(32), nullable=False),
        sa.Column("root_run_id", sa.String(64), nullable=False),
        sa.Column("first_window", sa.BigInteger),
        sa.Column("last_window", sa.BigInteger, nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Index("epoch_by_import", "import_name", "destination"),
    )
