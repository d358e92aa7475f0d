"""The heartbeat: monitoring calls an address, and a service elsewhere notices when it does not."""

import requests
from urllib3.exceptions import HTTPError

from clevertap_import.alerting.quiet_logs import quiet_logs
from clevertap_import.threads import DaemonThreads

HEARTBEAT_VARIABLE = "CLEVERTAP_IMPORT_HEARTBEAT_URL"
SECONDS = 5
DEADLINE_SECONDS = 8.0
"""For the whole call: a server may send one byte at a time, and then no timeout of a socket ends it."""


def ping(address: str, seconds: float = DEADLINE_SECONDS) -> str | None:
    """Returns why it was not taken, without the address; None if it was."""
    with DaemonThreads(1) as threads:
        answer = threads.submit(called, address)
        done = threads.first_done([answer], seconds)
    problem = answer.result() if done else "no answer"
    return f"The heartbeat was not taken: {problem}. See {HEARTBEAT_VARIABLE}." if problem else None


def called(address: str) -> str | None:
    with quiet_logs():
        try:
            # Only the status counts; a body may have no end.
            with requests.get(address, timeout=SECONDS, stream=True) as answer:
                return None if answer.ok else f"HTTP {answer.status_code}"
        # requests does not translate all errors of a wrong address.
        except (requests.RequestException, HTTPError, ValueError) as error:
            return type(error).__name__
