"""Under which definition windows were done; which unanswered batches a person has been shown."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "done_windows",
        sa.Column("id", big, primary_key=True),
        sa.Column("import_name", sa.String(100), nullable=False),
        sa.Column("window_seconds", sa.Integer, nullable=False),
        sa.Column("first_window", sa.BigInteger, nullable=False),
        sa.Column("end_window", sa.BigInteger, nullable=False),
        sa.Column("definition_digest", sa.String(40), nullable=False),
        sa.Index("done_windows_by_import", "import_name"),
    )
    op.create_table(
        "shown_batches",
        sa.Column("import_name", sa.String(100), primary_key=True),
        sa.Column("last_delivery", sa.BigInteger, nullable=False),
    )
