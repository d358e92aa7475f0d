"""The tables of alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("nickname", sa.String(100), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("severity", sa.String(10)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
    )
    op.create_table(
        "alert_message",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("once", sa.String(150), unique=True),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("recipient", sa.Text, nullable=False, server_default=""),
        sa.Column("severity", sa.String(10)),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", sa.Double, nullable=False),
        sa.Column("claimed_until", sa.Double),
        sa.Column("problem", sa.Text),
        sa.Column("sent_at", sa.Double),
        sa.Index("alert_message_by_channel", "sent_at", "channel"),
    )
    op.create_table(
        "mute",
        sa.Column("nickname", sa.String(100), primary_key=True),
        sa.Column("muted_at", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
