"""Where deliveries went, and which forced run they belong to; when windows were read; digests under a key."""

import sqlalchemy as sa
from alembic import context, op

from clevertap_import.journal.digest_key import DigestCipher, KeyPlace

revision = "0005"
down_revision = "0004"


ROWS_AT_ONCE = 5
"""Of a few MB each at the most."""


def upgrade() -> None:
    destination = sa.Column("destination", sa.String(32), nullable=False, server_default="")
    op.add_column("delivery", destination.copy())
    op.add_column("delivery", sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("delivery", sa.Column("window_offsets", sa.LargeBinary))
    op.add_column("scope", destination.copy())
    definition = sa.Column("definition_digest", sa.String(40), nullable=False, server_default="")
    op.add_column("scope", definition)
    op.add_column("scope", sa.Column("source_digests", sa.Text, nullable=False, server_default=""))
    op.add_column("forgotten", destination.copy())
    op.add_column("done_windows", destination.copy())
    op.add_column("done_windows", sa.Column("read_at", sa.BigInteger, nullable=False, server_default="0"))
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
    op.create_table(
        "import_state",
        sa.Column("import_name", sa.String(100), primary_key=True),
        sa.Column("deliveries", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reports_until", sa.Double),
        sa.Column("doubted_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("ended", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("lacks_until", sa.BigInteger, nullable=False, server_default="0"),
    )
    locks_for_leases()
    op.create_table("journal_key", sa.Column("check_value", sa.String(64), nullable=False))
    place: KeyPlace = context.config.attributes["key"]
    hide_digests(op.get_bind(), place.made())


def locks_for_leases() -> None:
    """Who waits for a lock has a row, which lives as long as a lock of its own does."""
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.drop_table("lease")
    op.drop_table("lease_turn")
    op.create_table(
        "participant",
        sa.Column("id", big, primary_key=True),
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


def hide_digests(connection: sa.Connection, cipher: DigestCipher) -> None:
    """Encrypt the digests that are there, and say under which key."""
    if connection.dialect.name == "sqlite":
        # What an update leaves behind in the file is overwritten.
        connection.exec_driver_sql("pragma secure_delete=on")
    columns = ("digests", "identity_digests")
    delivery = sa.table("delivery", sa.column("id"), *(sa.column(name, sa.LargeBinary) for name in columns))
    last = None
    while True:
        query = sa.select(delivery).order_by(delivery.c.id).limit(ROWS_AT_ONCE)
        rows = connection.execute(query if last is None else query.where(delivery.c.id > last)).all()
        if not rows:
            break
        for row in rows:
            hidden = {name: cipher.hidden(bytes(row._mapping[name])) for name in columns}
            connection.execute(delivery.update().where(delivery.c.id == row.id).values(hidden))
        last = rows[-1].id
    key = sa.table("journal_key", sa.column("check_value"))
    connection.execute(key.insert().values(check_value=cipher.check))
