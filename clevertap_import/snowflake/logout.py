"""Logs out of Snowflake when a run is asked to end. It does not wait for an answer."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from clevertap_import.threads import DaemonThreads

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

LEAVE_SECONDS = 5
"""The time limit for the logout. After it, the run ends without waiting."""


def log_out(connection: "SnowflakeConnection", end_query: Callable[[], object] | None) -> None:
    """Cancel the active query, which would continue in Snowflake and cost money, and log out."""

    def left(_: None) -> None:
        if end_query:
            with suppress(Exception):
                end_query()
        connection.close(retry=False)

    with DaemonThreads(1) as threads:
        threads.first_done([threads.submit(left, None)], LEAVE_SECONDS)
