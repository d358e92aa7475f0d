"""The tables of alerts: what was alerted last, the messages to send, and which imports are mute."""

import sqlalchemy as sa

from clevertap_import.journal.tables import ID, METADATA

ALERT = sa.Table(
    "alert",
    METADATA,
    sa.Column("nickname", sa.String(100), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("severity", sa.String(10)),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Double, nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
)
"""What was alerted last about one kind of problem of an import. Moments are epoch seconds.

`severity`: the worst that was alerted since the problem opened; null when it is over. `changed_at`: at which
look at the import the last change was seen. `seen_at`: about when the import was last in the folder.
"""

ALERT_MESSAGE = sa.Table(
    "alert_message",
    METADATA,
    sa.Column("id", ID, primary_key=True),
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
"""One change for one channel; the outbox. `once`: no second message has the same.

`recipient`: for the owner's mail. `severity`: null for a recovery. `claimed_until`: until then a process is
sending it, and no other does. `problem`: why the channel did not take it.
"""

MUTE = sa.Table(
    "mute",
    METADATA,
    sa.Column("nickname", sa.String(100), primary_key=True),
    sa.Column("muted_at", sa.Double, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
"""Imports about which nothing is sent until a moment."""
