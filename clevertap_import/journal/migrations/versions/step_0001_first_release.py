"""All tables of the first release, and the key of the digests."""

import sqlalchemy as sa
from alembic import context, op

from clevertap_import.journal.digest_key import KeyPlace

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    deliveries()
    windows()
    imports()
    run_results()
    open_rejects()
    op.create_table(
        "participant",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("resource", sa.String(150), nullable=False),
        sa.Column("lock", sa.String(50), nullable=False, unique=True),
        sa.Column("wanted", sa.Integer, nullable=False),
        sa.Column("purpose", sa.String(200), nullable=False),
        sa.Index("participant_by_resource", "resource"),
    )
    op.create_table(
        "last_holder",
        sa.Column("lock", sa.String(150), primary_key=True),
        sa.Column("participant", sa.String(50), nullable=False),
    )
    key = op.create_table("journal_key", sa.Column("check_value", sa.String(64), nullable=False))
    place: KeyPlace = context.config.attributes["key"]
    op.bulk_insert(key, [{"check_value": place.made().check}])


def deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", BIG, primary_key=True),
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
        sa.Column("destination", sa.String(32), nullable=False, server_default=""),
        sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("window_offsets", sa.LargeBinary),
        sa.Index("delivery_by_window", "import_name", "last_window", "first_window"),
        sa.Index("delivery_by_run", "run_id"),
    )
    op.create_table(
        "epoch",
        sa.Column("import_name", sa.String(100), primary_key=True),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("destination", sa.String(32), nullable=False),
        sa.Column("root_run_id", sa.String(64), nullable=False),
        sa.Column("first_window", sa.BigInteger),
        sa.Column("last_window", sa.BigInteger, nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
    )


def windows() -> None:
    op.create_table(
        "forgotten",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("import_name", sa.String(100), nullable=False),
        sa.Column("first_window", sa.BigInteger, nullable=False),
        sa.Column("last_window", sa.BigInteger, nullable=False),
        sa.Column("destination", sa.String(32), nullable=False, server_default=""),
        sa.Index("forgotten_by_window", "import_name", "last_window", "first_window"),
    )
    op.create_table(
        "done_windows",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("import_name", sa.String(100), nullable=False),
        sa.Column("window_seconds", sa.Integer, nullable=False),
        sa.Column("first_window", sa.BigInteger, nullable=False),
        sa.Column("end_window", sa.BigInteger, nullable=False),
        sa.Column("definition_digest", sa.String(40), nullable=False),
        sa.Column("destination", sa.String(32), nullable=False, server_default=""),
        sa.Column("read_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Index("done_windows_by_import", "import_name"),
    )


def imports() -> None:
    op.create_table(
        "scope",
        sa.Column("import_name", sa.String(100), primary_key=True),
        sa.Column("window_seconds", sa.Integer, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("destination", sa.String(32), nullable=False, server_default=""),
        sa.Column("definition_digest", sa.String(40), nullable=False, server_default=""),
        sa.Column("source_digests", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "import_state",
        sa.Column("import_name", sa.String(100), primary_key=True),
        sa.Column("deliveries", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reports_until", sa.Double),
        sa.Column("doubted_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("ended", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("lacks_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("doubted_at", sa.Double),
    )
    op.create_table(
        "shown_batches",
        sa.Column("import_name", sa.String(100), primary_key=True),
        sa.Column("last_delivery", sa.BigInteger, nullable=False),
    )


def run_results() -> None:
    counts = ("read", "accepted", "unchanged", "invalid", "rejected", "uncertain", "superseded")
    op.create_table(
        "run_result",
        sa.Column("import_name", sa.String(100), primary_key=True),
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("status", sa.String(10), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in counts),
        sa.Column("trigger", sa.String(50)),
        sa.Column("problem", sa.Text),
        sa.Column("top_code", sa.Text),
        sa.Column("top_reason", sa.Text),
        sa.Column("newest_updated_on", sa.Double),
        sa.Column("window_start", sa.Double),
        sa.Column("window_end", sa.Double),
        sa.Column("requests", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("retries", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("throttled_seconds", sa.Double, nullable=False, server_default="0"),
        sa.Column("staging_seconds", sa.Double, nullable=False, server_default="0"),
        sa.Column("sending_seconds", sa.Double, nullable=False, server_default="0"),
        sa.Column("snowflake_seconds", sa.Double),
        sa.Column("bytes_scanned", sa.BigInteger),
        sa.Column("phase", sa.String(20)),
        sa.Column("done", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("total", sa.BigInteger),
        sa.Column("in_flight", sa.Integer, nullable=False, server_default="0"),
        sa.Column("progress_at", sa.Double),
        sa.Column("is_limited", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Index("run_result_by_time", "import_name", "began_at"),
    )
    op.create_table(
        "row_total",
        sa.Column("import_name", sa.String(100), primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in counts[1:]),
    )


def open_rejects() -> None:
    op.create_table(
        "open_reject",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("import_name", sa.String(100), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("column_name", sa.Text, nullable=False, server_default=""),
        sa.Column("first_window", sa.BigInteger, nullable=False),
        sa.Column("last_window", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("digests", sa.LargeBinary, nullable=False),
        sa.Column("windows", sa.LargeBinary, nullable=False),
        sa.Index("open_reject_by_import", "import_name"),
    )
