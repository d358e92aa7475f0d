"""Who is alive, as far as the leases tell: for those who judge runs and hold no lease themselves."""

from collections.abc import Collection

import sqlalchemy as sa

from clevertap_import.io.database import LEASE, translated

Beats = dict[tuple[str, str], int]
"""The beats of holders, by resource and purpose."""


def heartbeats(engine: sa.Engine, resources: Collection[str]) -> Beats:
    """Of all who hold one of `resources` or wait for it, whether they still beat or not."""
    of_these = sa.select(LEASE).where(LEASE.c.resource.in_(resources)).order_by(LEASE.c.beats)
    with translated(), engine.connect() as connection:
        return {(row.resource, row.purpose): row.beats for row in connection.execute(of_these)}
