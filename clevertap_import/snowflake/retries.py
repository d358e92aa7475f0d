"""When the connector retries a request to Snowflake, and for how long."""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import count

from snowflake.connector.errors import OperationalError

LONGEST_PAUSE = 16


def retry_pauses(seconds: float, clock: Callable[[], float] = time.monotonic) -> Callable[[], Iterator[int]]:
    """The connector's `backoff_policy`: the seconds before each new attempt of a request, the first without
    wait.

    After `seconds` the request fails with the connector's OperationalError. By default the connector repeats
    the requests of a query for as long as the query may take. If a proxy cuts every answer, that can block a
    run for hours.
    """

    def pauses() -> Iterator[int]:
        begun = clock()
        for attempt in count():
            if attempt and clock() - begun >= seconds:
                raise last_error(seconds)
            yield min(LONGEST_PAUSE, 2**attempt - 1) if attempt < LONGEST_PAUSE else LONGEST_PAUSE

    return pauses


def last_error(seconds: float) -> Exception:
    """The error for the last attempt, with its cause: the exception that is being handled."""
    reason = sys.exc_info()[1]
    # The connector wraps the real error if it would retry the request.
    cause = reason.args[0] if reason and reason.args else reason
    ended: Exception = OperationalError(
        f"No usable answer came in {seconds:g} seconds; a proxy or a firewall on the way may cut or block it."
        f" The last attempt ended with: {cause}"
    )
    return ended
