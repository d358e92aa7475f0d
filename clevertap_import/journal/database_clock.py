"""The clock of the journal's database, by which machines compare when a run last moved."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

TOLERATED = timedelta(minutes=1)
"""A smaller difference counts as none: it may come from the way to the database."""


def clock_ahead(connection: sa.Connection) -> timedelta:
    """How far the clock of this machine is ahead of the database's. A SQLite file has no clock of its own."""
    if connection.dialect.name == "sqlite":
        return timedelta()
    moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    ahead = datetime.now(UTC) - moment.astimezone(UTC)
    return ahead if abs(ahead) > TOLERATED else timedelta()
