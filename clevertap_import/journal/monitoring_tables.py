"""The tables that monitoring reads: how each run ended, and which rows were not accepted since."""

import sqlalchemy as sa

from clevertap_import.journal.digest_key import Digests
from clevertap_import.journal.tables import ID, METADATA

COUNTS = ("read", "accepted", "unchanged", "invalid", "rejected", "uncertain", "superseded")
"""Those of a `Report`, in its order."""

RUN_RESULT = sa.Table(
    "run_result",
    METADATA,
    sa.Column("import_name", sa.String(100), primary_key=True),
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("began_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
    sa.Column("status", sa.String(10), nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in COUNTS),
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
    sa.Column("phase", sa.String(20)),
    sa.Column("done", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("total", sa.BigInteger),
    sa.Column("in_flight", sa.Integer, nullable=False, server_default="0"),
    sa.Column("progress_at", sa.Double),
    sa.Column("is_limited", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("run_result_by_time", "import_name", "began_at"),
)
"""One row for each run of an import, dry runs excepted. Moments are epoch seconds.

`phase` and what follows it say where a run under way is; `phase` is null before and after.
"""

OUTCOMES = tuple(name for name in COUNTS if name != "read")

ROW_TOTAL = sa.Table(
    "row_total",
    METADATA,
    sa.Column("import_name", sa.String(100), primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in OUTCOMES),
)
"""The sums of the results that were removed: a counter of `metrics` must not fall."""

OPEN_REJECT = sa.Table(
    "open_reject",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("import_name", sa.String(100), nullable=False),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("column_name", sa.Text, nullable=False, server_default=""),
    sa.Column("first_window", sa.BigInteger, nullable=False),
    sa.Column("last_window", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("digests", Digests, nullable=False),
    sa.Column("windows", sa.LargeBinary, nullable=False),
    sa.Index("open_reject_by_import", "import_name"),
)
"""Rows that a run rejected for one reason, and that were not accepted since.

`run_id`, `since`: the run that rejected them first, and when. `digests`: 16 bytes a row, by which an accepted
record closes it. `windows`: the window of each, 8 bytes, in epoch seconds. For rows beyond the limit
`digests` is empty, and `windows` has each window and the number of its rows, 8 bytes each.
"""
