"""No bytes that Snowflake scanned: no run knew them, only Snowflake's history does."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_column("run_result", "bytes_scanned")
