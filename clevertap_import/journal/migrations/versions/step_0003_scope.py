"""For which grid of windows and which account the digests of an import are."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "scope",
        sa.Column("import_name", sa.String(100), primary_key=True),
        sa.Column("window_seconds", sa.Integer, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
    )
