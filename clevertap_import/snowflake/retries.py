"""When the connector tries a request to Snowflake again, and for how long."""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import count

LONGEST_PAUSE = 16


def retry_pauses(seconds: float, clock: Callable[[], float] = time.monotonic) -> Callable[[], Iterator[int]]:
    """The connector's `backoff_policy`: the seconds before each new attempt of a request, the first at once.

    Once `seconds` have passed since the request began, the connector's OperationalError ends it. By itself
    the connector repeats the requests of a query for as long as the query may take: an answer that a proxy
    cuts each time would keep a run for hours.
    """

    def pauses() -> Iterator[int]:
        begun = clock()
        for attempt in count():
            if attempt and clock() - begun >= seconds:
                raise given_up(seconds)
            yield min(LONGEST_PAUSE, 2**attempt - 1) if attempt < LONGEST_PAUSE else LONGEST_PAUSE

    return pauses


def given_up(seconds: float) -> Exception:
    """Says what the last attempt failed of, which is the exception that is being handled."""
    from snowflake.connector.errors import OperationalError

    reason = sys.exc_info()[1]
    # The connector wraps what went wrong when it means to try again.
    cause = reason.args[0] if reason and reason.args else reason
    ended: Exception = OperationalError(
        f"No usable answer came in {seconds:g} seconds; a proxy or a firewall on the way may cut or block it."
        f" The last attempt ended with: {cause}"
    )
    return ended
