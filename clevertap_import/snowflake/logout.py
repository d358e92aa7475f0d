"""The end of a Snowflake session in a run that was asked to end: it waits for no answer."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from clevertap_import.threads import DaemonThreads

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

LEAVE_SECONDS = 5
"""What is not done by then is left behind."""


def leave(connection: "SnowflakeConnection", end_query: Callable[[], object] | None) -> None:
    """End the query that is under way, which would go on in Snowflake and cost; and log out."""

    def left(_: None) -> None:
        if end_query:
            with suppress(Exception):
                end_query()
        connection.close(retry=False)

    with DaemonThreads(1) as threads:
        threads.first_done([threads.submit(left, None)], LEAVE_SECONDS)
